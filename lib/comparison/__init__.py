"""A study's runs side by side, and beside the report's figures; every number keeps its interval.

- `lib.comparison.records` what the runs recorded, read back
- `lib.comparison.tables` tables of runs, the report's figures beside ours
- `lib.comparison.changes` what one change at a time does to several systems
- `lib.comparison.choices` pairs of runs that differ in one choice
- `lib.comparison.elsewhere` runs on recordings of other origin, measured and told
- `lib.comparison.published` figures of others, ours beside them
- `lib.comparison.reading` what the numbers say, in sentences
"""

from lib.comparison.card import chosen_by_dev, first_screen
from lib.comparison.changes import (
    change_metrics,
    changes,
    chosen_changes,
    measure_changes,
    reading_changes,
    reading_everywhere,
)
from lib.comparison.choices import answer, choice_table, choices, question
from lib.comparison.claims import report_claims
from lib.comparison.published import beside_published
from lib.comparison.reading import ledger, lessons, reading, reading_ledger, reading_study
from lib.comparison.records import confusion, ladder, metrics_of, recorded_scores, selected
from lib.comparison.tables import (
    beside_report,
    counts,
    label,
    named,
    percent,
    rank,
    ranks_in_words,
    systems,
    table,
    times,
    verdicts,
    with_interval,
)

__all__ = [
    "answer", "beside_published", "beside_report", "change_metrics", "changes", "choice_table", "choices",
    "chosen_by_dev", "chosen_changes", "confusion", "counts", "first_screen", "label", "ladder", "ledger", "lessons",
    "measure_changes", "metrics_of", "named", "percent", "question", "rank", "ranks_in_words", "reading",
    "reading_changes", "reading_everywhere", "reading_ledger", "reading_study", "recorded_scores", "report_claims",
    "selected", "systems", "table", "times", "verdicts", "with_interval",
]  # fmt: skip
