"""Splits that a corpus does not come with, made of whole speakers."""

from lib.corpus.protocol import LABEL_NAMES, SPLITS, UNKNOWN
from lib.errors import InputError

_SHARES = {"train": 3, "dev": 1, "eval": 1}
_SEED = 0  # another split is one's own, in the column `split` of a list


def complete(folder, trials):
    """Trials with all three splits, and a sentence on those that were made; the same ones each time.

    A missing split is taken out of train, or out of eval where there is no train. No speaker is
    in two of the parts; trials of unknown speakers are dealt one by one.
    """
    there = [split for split in SPLITS if (trials["split"] == split).any()]
    missing = [split for split in SPLITS if split not in there]
    if not missing:
        return trials, ()
    source = next((split for split in ("train", "eval", "dev") if split in there), UNKNOWN)
    rows = trials[trials["split"] == source]
    into = [split for split in SPLITS if split in missing or split == source]
    by_speaker = (rows["speaker"] != UNKNOWN).all()
    parts = [split for split in into for _ in range(_SHARES[split])]
    number = _dealt(rows, len(parts), by_speaker)
    trials = trials.assign(split=trials["split"].mask(trials["split"] == source, number.map(dict(enumerate(parts)))))
    for split in into:
        if (labels := trials.loc[trials["split"] == split, "label"].unique()).size < 2:
            lacks = LABEL_NAMES[0 if 1 in labels else 1]
            raise InputError(
                f"{folder}: split {split} cannot be made: {rows['speaker'].nunique()} speakers, and it is left without "
                f"{lacks} trials; a column `split` in a list decides it"
            )
    whole = "all trials" if source == UNKNOWN else f"the {source} that is there"
    how = f"by speaker ({rows['speaker'].nunique():,})" if by_speaker else "by trial, since speakers are unknown"
    sizes = ", ".join(f"{(trials['split'] == split).sum():,} {split}" for split in into)
    return trials, (f"No split {' and '.join(missing)} in the corpus: made of {whole} {how}, seed {_SEED}: {sizes}.",)


def _dealt(rows, parts, by_speaker):
    """The part of each trial, a number from 0, with labels alike in all parts."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedGroupKFold if by_speaker else StratifiedKFold
    number = rows["label"] * 0  # all in the first part, which is refused, where there are too few
    enough = min(rows["speaker"].nunique() if by_speaker else len(rows), *(sum(rows["label"] == k) for k in (0, 1)))
    if enough >= parts:
        folds = kind(parts, shuffle=True, random_state=_SEED).split(rows, rows["label"], rows["speaker"])
        for part, (_, members) in enumerate(folds):
            number.iloc[members] = part
    return number
