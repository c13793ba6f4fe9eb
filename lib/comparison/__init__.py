"""A study's runs side by side, and beside the report's figures; every number keeps its interval.

- `lib.comparison.records` what the runs recorded, read back
- `lib.comparison.tables` tables of runs, the report's and others' figures beside ours
- `lib.comparison.card` the first screen: what is best, and whether to trust it
- `lib.comparison.claims` the report's conclusions, answered by runs
- `lib.comparison.changes` what one change at a time does to several systems
- `lib.comparison.choices` pairs of runs that differ in one choice
- `lib.comparison.elsewhere` runs on recordings of other origin, measured and told
- `lib.comparison.reading` what the numbers say, in sentences
"""
# ruff: noqa: F401 - notebooks and the command call these

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
from lib.comparison.reading import ledger, lessons, reading, reading_ledger, reading_study
from lib.comparison.records import confusion, ladder, metrics_of, recorded_scores, selected
from lib.comparison.tables import (
    beside_published,
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
