"""What in a corpus is wrong but plausible: labels that its own columns contradict, and recordings that stand twice."""

from itertools import combinations

import pandas as pd

from lib.corpus.protocol import GENUINE, SPLITS, UNKNOWN

_OF_SPOOFS = ("playback", "recorder", "attack")  # what a genuine trial has none of
_FEW = 0.01  # share of a split that may stand in another one: no error rate moves by more


def of_labels(trials):
    """Problems, which stop a run, and findings, which do not: genuine trials that have a replay device or an attack."""
    problems, findings = [], []
    genuine = trials["label"] == GENUINE
    for split in SPLITS:
        here = trials["split"] == split
        for column in (name for name in _OF_SPOOFS if name in trials):
            known = trials[column] != UNKNOWN
            wrong, right = (here & genuine & known).sum(), (here & ~genuine & known).sum()
            if not wrong:
                continue
            text = f"{wrong:,} of {(here & genuine).sum():,} genuine trials of {split} have a {column}"
            if wrong / (here & genuine).sum() > right / max((here & ~genuine).sum(), 1):
                problems.append(f"{text}, {right:,} of {(here & ~genuine).sum():,} spoof trials: are labels swapped?")
            else:
                findings.append(f"{text}, which only spoofs should.")
    return problems, findings


def of_contents(trials, digests):
    """The same of recordings that stand twice, by the digest of each trial's content (None: not read)."""
    problems, findings = [], []
    table = trials[["split", "label", "file"]].assign(digest=digests).dropna(subset="digest")
    table = table[table["digest"].duplicated(keep=False)]
    both = table[table.groupby("digest")["label"].transform("nunique") == 2]
    if len(both):
        pair = table[table["digest"] == both["digest"].iloc[0]].drop_duplicates("label")
        names = " and ".join(pair["split"] + "/" + pair["file"])
        problems.append(f"{both['digest'].nunique():,} recordings stand as genuine and as spoof, first {names}")
    for first, second in combinations(SPLITS, 2):
        here = table[table["split"] == second]
        copies = here[here["digest"].isin(table.loc[table["split"] == first, "digest"])]
        if len(copies):
            total = (trials["split"] == second).sum()
            text = f"{len(copies):,} of {total:,} recordings of {second} are copies of {first}'s, first "
            text += copies["file"].iloc[0]
            (problems if len(copies) > _FEW * total else findings).append(text)
    return problems, findings


def of_clipping(trials, clipped):
    """Findings on splits of which a tenth and more is clipped, by whether each trial is (None: not read)."""
    known = pd.Series(clipped, trials.index, dtype=object).dropna().astype(bool)
    shares = known.groupby([trials["split"], trials["label"]]).mean().unstack(fill_value=0)
    return [
        f"Clipped recordings of {split}: {100 * row[1]:.0f} % of the genuine, {100 * row[0]:.0f} % of the spoof ones."
        for split, row in shares.reindex(columns=(0, 1), fill_value=0).iterrows()
        if row.max() >= 0.1
    ]
