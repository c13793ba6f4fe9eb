"""The report's conclusions, each a claim with its answer from runs."""

import pandas as pd

from lib import metrics
from lib.comparison.tables import confusion, is_untrained
from lib.metrics.tables import ends_of, percent, with_interval
from lib.params import read_table

HOLDS, FAILS, OPEN = "holds", "does not hold", "cannot be judged here"
_OPPOSITE = {HOLDS: FAILS, FAILS: HOLDS, OPEN: OPEN}
_SMALL = 0.05  # a loss of balanced accuracy from train to eval that is no overfitting
_ONE_CLASS = 0.02  # share of the other class beside which a system always gives one


def report_claims(rows, changes=None):
    """The report's conclusions (params/claims.yaml) and what runs say of them: `claim`, `source`, `answer`, `evidence`.

    Of finished runs, `rows` as from `with_scores`, one with other parameters than the study's or an untrained part
    answers nothing, and several seeds must agree; `changes` is the table of the newest `31_augmentation` on this
    corpus. Intervals are of 95 %.
    """
    lines = []
    for claim in read_table("claims"):
        answer, evidence = _helps(claim["change"], changes) if "change" in claim else _answer(claim, rows)
        lines.append({"claim": claim["claim"], "source": claim["source"], "answer": answer, "evidence": evidence})
    return pd.DataFrame(lines)


def _answer(claim, rows):
    by_seed = {}
    for row in rows:
        if row["run"] in claim["runs"] and not row.get("changed"):
            by_seed.setdefault(row["seed"], {})[row["run"]] = row
    whole = [found for found in by_seed.values() if len(found) == len(claim["runs"])]
    if not whole:
        there = {name for found in by_seed.values() for name in found}
        lacking = ", ".join(name for name in claim["runs"] if name not in there)
        return OPEN, f"not run: {lacking}" if lacking else "not run with a seed in common"
    untrained = [name for name, row in whole[0].items() if is_untrained(row)]
    if untrained:
        return OPEN, f"the pretrained part is untrained here: {', '.join(untrained)}"
    extra = (claim["cause"],) if "cause" in claim else ()
    answers = [_TESTS[claim["test"]](*(found[name] for name in claim["runs"]), *extra) for found in whole]
    evidence = "; ".join(said for _, said in answers)
    agreed = {_OPPOSITE[answer] if claim.get("denies") else answer for answer, _ in answers}
    return (agreed.pop(), evidence) if len(agreed) == 1 else (OPEN, f"seeds disagree: {evidence}")


def _better(first, second):
    """The first run's eval EER is lower, on the same trials."""
    found = metrics.compare_seeds({0: first["scores"]}, {0: second["scores"]})
    answer = HOLDS if found["high"] < 0 else FAILS if found["low"] > 0 else OPEN
    difference = percent(found["difference"], (found["low"], found["high"]))
    return answer, f"eval EER {percent(found['first'])} against {percent(found['second'])} %, difference {difference}"


def _helps(change, changes):
    """On dev, by the cost of calibrated scores (Cllr): for one system at least, and against none."""
    rows = None if changes is None else changes[[key[1:] == ("cllr", change) for key in changes.index]]
    if rows is None or rows.empty:
        return OPEN, "not run: 31_augmentation"
    helped, hurt = (rows["high"] < 0).any(), (rows["low"] > 0).any()
    answer = HOLDS if helped and not hurt else FAILS if hurt and not helped else OPEN
    parts = [f"{key[0]} {row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}]" for key, row in rows.iterrows()]
    return answer, f"change of dev Cllr, bits: {', '.join(parts)}"


def _overfits(row):
    """Balanced accuracy is lower on eval than on train."""
    train, final = (f"{split}/balanced_accuracy" for split in ("train", "eval"))
    said = f"balanced accuracy train {with_interval(row, train)}, eval {with_interval(row, final)} %"
    (low, high), (final_low, final_high) = ends_of(row, train), ends_of(row, final)
    if low > final_high:
        return HOLDS, said
    return (FAILS if high - final_low < _SMALL else OPEN), said


def _one_class(row):
    matrices = {split: confusion(row, split) for split in ("train", "eval")}
    shares = {split: sum(line[1] for line in m) / sum(map(sum, m)) for split, m in matrices.items()}
    said = ", ".join(f"{percent(share)} % of {split}" for split, share in shares.items())
    alike = min(max(shares.values()), 1 - min(shares.values())) < _ONE_CLASS
    return (HOLDS if alike else FAILS), f"called genuine: {said}"


def _cause(row, cause):
    """What the run's diagnosis names."""
    found = row.get("diagnosis") or "undecided"
    answer = HOLDS if found == cause else OPEN if found == "undecided" else FAILS
    return answer, f"diagnosis from train and dev: {found}"


def _majority(row):
    """Accuracy is not above that of the majority-class baseline."""
    constant = row["eval/constant_accuracy"]
    said = f"accuracy {with_interval(row, 'eval/accuracy')} %, majority-class baseline {percent(constant)} %"
    if ends_of(row, "eval/accuracy")[0] > constant:
        return FAILS, said
    if row["eval/accuracy"] > constant and "eval/accuracy_ci_low" not in row:
        return OPEN, f"{said}; its accuracy has no interval"
    return HOLDS, f"{said}, balanced {with_interval(row, 'eval/balanced_accuracy')} %"


# By their names in params/claims.yaml.
_TESTS = {
    "better": _better, "overfits": _overfits, "one_class": _one_class, "cause": _cause, "majority": _majority,
}  # fmt: skip
