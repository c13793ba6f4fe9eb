"""What in a corpus is wrong but plausible, as pairs: whether it stops a run, and a sentence."""

from itertools import combinations

from lib.corpus.protocol import SPLITS, UNKNOWN

_OF_SPOOFS = ("playback", "recorder", "attack")  # what a genuine trial has none of
_FEW = 0.01  # share of a split that may stand in another one: no error rate moves by more


def of_labels(trials):
    """Genuine trials with a replay device or an attack; where they have it as often as spoofs, labels are swapped."""
    for column in (name for name in _OF_SPOOFS if name in trials):
        known = (trials[column] != UNKNOWN).groupby([trials["split"], trials["label"]])
        for split, n in known.sum().unstack(fill_value=0).reindex(columns=(0, 1), fill_value=0).iterrows():
            if n[1]:
                spoof, genuine = (((trials["split"] == split) & (trials["label"] == label)).sum() for label in (0, 1))
                text = f"{n[1]:,} of {genuine:,} genuine trials of {split} have a {column}, {n[0]:,} of {spoof:,} spoof"
                yield bool(n[1] * spoof >= n[0] * genuine), f"{text} trials: are labels swapped?"


def of_contents(trials, digests):
    """Recordings that stand twice, by the digest of each trial's content (None: not read)."""
    table = trials[["split", "label", "file"]].assign(digest=digests).dropna(subset="digest")
    table = table[table["digest"].duplicated(keep=False)]
    both = table[table.groupby("digest")["label"].transform("nunique") == 2]
    if len(both):
        pair = both[both["digest"] == both["digest"].iloc[0]].drop_duplicates("label")
        names = " and ".join(pair["split"] + "/" + pair["file"])
        yield True, f"{both['digest'].nunique():,} recordings stand as genuine and as spoof, first {names}"
    for first, second in combinations(SPLITS, 2):
        here, total = table[table["split"] == second], (trials["split"] == second).sum()
        copies = here.loc[here["digest"].isin(table.loc[table["split"] == first, "digest"]), "file"]
        if len(copies):
            text = f"{len(copies):,} of {total:,} recordings of {second} are copies of {first}'s"
            yield bool(len(copies) > _FEW * total), f"{text}, first {copies.iloc[0]}"


def of_clipping(trials, clipped):
    """Splits of whose recordings of a label a tenth is clipped, by whether each one is (None: not read)."""
    shares = trials.assign(clipped=clipped).dropna(subset="clipped").groupby(["split", "label"])["clipped"].mean()
    for split, share in shares.astype(float).unstack(fill_value=0).reindex(columns=(0, 1), fill_value=0).iterrows():
        if share.max() >= 0.1:
            genuine, spoof = (f"{100 * share[label]:.0f} %" for label in (1, 0))
            yield False, f"Clipped recordings of {split}: {genuine} of the genuine, {spoof} of the spoof ones."
