"""Splits that a corpus does not come with, made of whole speakers."""

from lib.corpus.protocol import SPLITS, UNKNOWN
from lib.errors import InputError

_SHARES = {"train": 3, "dev": 1, "eval": 1}
_SEED = 0  # another split is one's own, in the column `split` of a list


def complete(folder, trials):
    """Trials with all three splits, and a sentence on those that were made; the same ones each time.

    A missing split is taken out of train, or out of eval where there is no train. No speaker is
    in two of the parts; trials of unknown speakers are dealt one by one.
    """
    there = [split for split in SPLITS if (trials["split"] == split).any()]
    if len(there) == len(SPLITS):
        return trials, ()
    source = next((split for split in ("train", "eval", "dev") if split in there), UNKNOWN)
    rows = trials[trials["split"] == source]
    into = [split for split in SPLITS if split not in there or split == source]
    by_speaker = (rows["speaker"] != UNKNOWN).all()
    made = trials["split"].copy()
    made[rows.index] = _dealt(rows, [split for split in into for _ in range(_SHARES[split])], by_speaker)
    dealt = f"{rows['speaker'].nunique():,} speakers" if by_speaker else f"{len(rows):,} trials"
    missing = ", ".join(split for split in into if split != source)
    for split in into:
        if trials["label"][made == split].nunique() < 2:
            raise InputError(
                f"{folder}: no split {missing}, and it cannot be made: with {dealt} {split} lacks a label; "
                "a column `split` in a list decides it"
            )
    whole = "all trials" if source == UNKNOWN else f"the {source} that is there"
    how = f"by speaker ({rows['speaker'].nunique():,})" if by_speaker else "by trial, since speakers are unknown"
    sizes = ", ".join(f"{(made == split).sum():,} {split}" for split in into)
    note = f"No split {missing} in the corpus: made of {whole} {how}, seed {_SEED}: {sizes}."
    return trials.assign(split=made), (note,)


def _dealt(rows, parts, by_speaker):
    """The part of each trial, labels alike in all of them; the first part where there are too few trials."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    speakers, found = rows["speaker"] if by_speaker else None, rows["split"].replace(UNKNOWN, parts[0])
    units = speakers.nunique() if by_speaker else len(rows)
    if min(units, *(sum(rows["label"] == label) for label in (0, 1))) >= len(parts):
        kind = StratifiedGroupKFold if by_speaker else StratifiedKFold
        folds = kind(len(parts), shuffle=True, random_state=_SEED).split(rows, rows["label"], speakers)
        for part, (_, members) in zip(parts, folds, strict=True):
            found.iloc[members] = part
    return found
