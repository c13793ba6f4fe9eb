"""How well each group of cues tells the labels apart, what the splits share, and a verdict on the corpus.

Of two classifiers the one with the higher AUC in cross-validation on train is used: neither dev nor eval chooses
anything. A group of shortcut cues is a **shortcut** when the mean of its AUC on dev and eval lies at least 0.1 from
0.5 (an EER of about 43 %), or that on one of them twice as far, with p below 0.05 after Holm's correction over all
groups and splits; p is the larger of those over trials and over speakers. The channel is what replay changes by its
physics; where it tells labels nearly without error it is **unexplained**, except at the upper edge of the band, where
any second recording was resampled.
"""

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu

from lib import metrics
from lib.corpus import GENUINE, SPLITS, SPOOF, UNKNOWN
from lib.judgement.shortcuts.cues import GROUPS, columns_of
from lib.metrics.tables import with_interval

ALPHA = 0.05
_NEARLY = 0.95  # AUC, lower end of its interval: no countermeasure is that good on devices that it never met
_UNREMARKABLE = ("no shortcut seen", "no difference seen", "differs as replay may", "not judged")
_FOLDS = 5
_COLUMNS = ("speaker", "phrase", "environment", "playback", "recorder", "configuration")
_MORE_THAN_CHANCE = 0.1  # share of trials
_ORDER = 0.2  # distance of an AUC from 0.5
_KEPT = ("auc", "eer", "eer_ci_low", "eer_ci_high")


def measure(table, *, groups=tuple(GROUPS), resamples=1000):
    """EER and AUC of each group of cues (of `GROUPS`) on each split; one row a group and split.

    `table` has one row a recording: `split`, `label` (1 = genuine), `speaker`, and the cues of
    `describe`. Columns `group`, `kind`, `classifier`, `split`; `auc`, `eer` with 95 % intervals `_ci_low`,
    `_ci_high` over trials, `auc_speakers`, the same AUC over speakers (ends NaN without two known speakers);
    `p` of an AUC of 0.5, and `p_holm`, corrected over the shortcut rows (NaN elsewhere).
    """
    rows = []
    for group in groups:
        classifier, scores = _scores(table, columns_of(table, group))
        for split in SPLITS:
            part = table[table["split"] == split]
            row = {"group": group, "kind": GROUPS[group]["kind"], "classifier": classifier, "split": split}
            rows.append(row | _measured(scores[split], part, resamples))
    result = pd.DataFrame(rows).assign(p_holm=np.nan)
    tested = result["kind"] == "shortcut"
    result.loc[tested, "p_holm"] = metrics.holm(result.loc[tested, "p"])
    return result


def judge(measured, *, size=0.1):
    """One verdict a group of `measure`; an AUC `size` away from 0.5 matters.

    Columns `group`, `kind`, `verdict` and `because`, the figures. Verdicts on shortcuts: ``no shortcut seen``;
    ``shortcut``; ``shortcut, reversed``, where dev or eval have the cue the other way round than train; ``shortcut
    outside train``, where train has it not; ``train only``, which a model learns and which does not generalise. On the
    channel: ``no difference seen``; ``differs as replay may``; ``unexplained``. The countermeasure: ``not judged``.
    """
    rows = []
    for (group, kind), part in measured.groupby(["group", "kind"], sort=False):
        verdict = {"shortcut": _of_shortcut, "channel": _of_channel}.get(kind, lambda *_: "not judged")
        because = ", ".join(
            f"{r.split} AUC {r.auc:.2f} [{r.auc_ci_low:.2f}, {r.auc_ci_high:.2f}]" for r in part.itertuples()
        )
        found = verdict(part.set_index("split"), size)
        rows.append({"group": group, "kind": kind, "verdict": found, "because": because})
    return pd.DataFrame(rows)


def cue_sentences(measured, verdicts):
    """What the cues prove, as a list of sentences."""
    seen = verdicts[~verdicts["verdict"].isin(_UNREMARKABLE)]
    judged = ", ".join(verdicts.loc[verdicts["kind"] == "shortcut", "group"])
    others = measured[(measured["kind"] != "shortcut") & (measured["split"] == "eval")]
    reached = ", ".join(f"{row['group']} {with_interval(row, 'auc')}" for row in others.to_dict("records"))
    found = [f"**{row.group}**: {row.verdict} ({row.because})." for row in seen.itertuples()]
    last = f"AUC on eval, %, of what replay may change by its physics, and of a plain countermeasure: {reached}."
    return [*(found or [f"No shortcut seen in {judged}."]), last]


def cue_metrics(measured, verdicts):
    """MLflow names ``shortcut/flagged`` and ``shortcut/<group>/<split>_auc``, ``_eer`` with its interval's ends."""
    result = {"shortcut/flagged": float(verdicts["verdict"].str.startswith("shortcut").sum())}
    for row in measured.itertuples():
        result |= {f"shortcut/{row.group}/{row.split}_{name}": getattr(row, name) for name in _KEPT}
    return result


def linear():
    """Logistic regression on standardised cues, a scikit-learn pipeline."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))


def shared(trials):
    """Values that splits have in common, for each column and pair of splits, of `lib.corpus.Corpus.trials`.

    Columns `column`, `first`, `second` (splits), `n_first`, `n_second`, `n_shared` (values) and `seen`, the share of
    the second split's trials whose value the first split has. Trials of an unknown value (``-``) are left out.
    """
    rows = []
    for column, known in _known(trials):
        of_split = {split: known.loc[known["split"] == split, "value"] for split in SPLITS}
        for first, second in combinations(SPLITS, 2):
            values, met = set(of_split[first]), of_split[second]
            row = {"column": column, "first": first, "second": second, "n_first": len(values)}
            row |= {"n_second": met.nunique(), "n_shared": len(values & set(met)), "seen": met.isin(values).mean()}
            rows.append(row)
    return pd.DataFrame(rows)


def concentration(trials):
    """How a split's trials are distributed over the values of each column, and labels within them.

    One row a column and split: `values` (number); `largest`, the value of most spoof trials, and `spoof_share`, its
    share of them; `one_label`, the share of trials whose value has one label only, and `one_label_chance`, the same
    with labels at random (NaN for columns that only spoof trials have).
    """
    rows = []
    for column, known in _known(trials):
        for split in SPLITS:
            here = known[known["split"] == split]
            counts = here.loc[here["label"] == SPOOF, "value"].value_counts(normalize=True)
            row = {"column": column, "split": split, "values": here["value"].nunique()}
            row |= {"largest": next(iter(counts.index), UNKNOWN), "spoof_share": counts.max()}
            row |= {"one_label": np.nan, "one_label_chance": np.nan}
            genuine = here["label"] == GENUINE
            if genuine.any():
                groups, share = genuine.groupby(here["value"]), genuine.mean()
                size = groups.size()
                row["one_label"] = size[groups.mean().isin((0, 1))].sum() / len(here)
                row["one_label_chance"] = (size * (share**size + (1 - share) ** size)).sum() / len(here)
            rows.append(row)
    return pd.DataFrame(rows)


def findings(trials):
    """Sentences on whatever in the metadata makes results easier or harder to believe."""
    found = []
    for row in shared(trials).itertuples():
        if row.column == "speaker" and row.n_shared:
            found.append(
                f"{row.first} and {row.second} share {row.n_shared} speakers: {100 * row.seen:.0f} % of "
                f"{row.second}'s trials are of a speaker of {row.first}."
            )
    for row in concentration(trials).itertuples():
        if row.spoof_share == 1 and row.column not in ("speaker", "phrase"):
            found.append(f"Every {row.split} spoof has the same {row.column}, {row.largest}.")
        if row.one_label > row.one_label_chance + _MORE_THAN_CHANCE:
            found.append(
                f"{100 * row.one_label:.0f} % of {row.split}'s trials are of a {row.column} with trials of one label "
                f"only (by chance {100 * row.one_label_chance:.0f} %): the {row.column} gives their label away."
            )
    here = trials[trials["split"] == "eval"]
    place, genuine = here["file"].str.rpartition("/")[2].rank(), here["label"] == GENUINE
    distance = abs(metrics.auc(place, here["label"]) - 0.5)
    if distance > _ORDER and mannwhitneyu(place[genuine], place[~genuine]).pvalue < 0.001:
        found.append(
            f"The order of the files' names gives the label of eval's trials away (AUC {0.5 + distance:.2f}); "
            "published lists sort train and dev, never eval."
        )
    return found


def _of_shortcut(part, size):
    sure, away = part["p_holm"] < ALPHA, part["auc"] - 0.5
    outside = away.drop("train")
    learned = sure["train"] and away["train"] >= size
    common = abs(outside.mean()) >= size
    large = outside[sure.drop("train") & (common | (outside.abs() >= 2 * size))]
    if (large > 0).any():
        return "shortcut"
    if len(large):
        return "shortcut, reversed" if learned else "shortcut outside train"
    # Twice as far, since cross-validation and the choice between classifiers vary more than p says.
    return "train only" if learned and away["train"] >= 2 * size else "no shortcut seen"


def _of_channel(part, size):
    outside = part.drop(index="train")
    if (outside["auc_ci_low"] >= _NEARLY).any() and (outside["group"] != "edge").all():
        return "unexplained"
    differs = (outside["auc_ci_low"] > 0.5) & (outside["auc"] >= 0.5 + size)
    return "differs as replay may" if differs.any() else "no difference seen"


def _scores(table, columns):
    """Name of the classifier that is best on train, and its scores (log-odds) of each split."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import cross_val_predict
    from threadpoolctl import threadpool_limits

    # For cues that no straight line separates, such as exactly zero silence.
    small = {"max_depth": 3, "max_iter": 50, "min_samples_leaf": 10, "early_stopping": False}
    models = {"linear": linear(), "trees": HistGradientBoostingClassifier(**small, random_state=0)}
    cues = {split: part[columns].to_numpy() for split, part in table.groupby("split")}
    train = table[table["split"] == "train"]
    labels, how = train["label"].to_numpy(), {"cv": _folds(train), "method": "decision_function"}
    with threadpool_limits(1):  # fits of milliseconds: threads would only wait for each other
        crossed = {name: cross_val_predict(model, cues["train"], labels, **how) for name, model in models.items()}
        best = max(crossed, key=lambda name: metrics.auc(crossed[name], labels))
        model = models[best].fit(cues["train"], labels)
        scores = {split: model.decision_function(cues[split]) for split in SPLITS}
    return best, scores | {"train": crossed[best]}


def _folds(train):
    """Training and test rows of each fold; no speaker in both, where speakers allow that."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    labels, speakers = train["label"].to_numpy(), train["speaker"].to_numpy()
    count = min(_FOLDS, np.bincount(labels, minlength=2).min())
    if count < 2:  # a single trial of a class is trained and tested on
        return [(np.arange(len(labels)), np.arange(len(labels)))]
    if len(np.unique(speakers[speakers != UNKNOWN])) >= count:
        folds = list(StratifiedGroupKFold(count).split(labels, labels, speakers))
        if all(len(np.unique(labels[learned])) == 2 for learned, _ in folds):
            return folds
    return list(StratifiedKFold(count).split(labels, labels))


def _measured(scores, part, resamples):
    labels, speakers = part["label"].to_numpy(), part["speaker"].to_numpy()
    over_trials = metrics.against(scores, labels, 0.5)
    over_speakers = {"low": np.nan, "high": np.nan, "p": 0.0}
    if len(set(speakers) - {UNKNOWN}) >= 2:
        over_speakers = metrics.against(scores, labels, 0.5, units={"speaker": speakers})
    low, high = metrics.bootstrap(scores, labels, metrics=("eer",), resamples=resamples)["eer"]
    row = {"eer": metrics.eer(scores, labels)[0], "eer_ci_low": low, "eer_ci_high": high}
    for name, found in (("auc", over_trials), ("auc_speakers", over_speakers)):
        row |= {name: over_trials["auc"], f"{name}_ci_low": found["low"], f"{name}_ci_high": found["high"]}
    return row | {"p": max(over_trials["p"], over_speakers["p"])}


def _known(trials):
    """Each column with the split, label and `value` of the trials for which it is known."""
    for name in _COLUMNS:
        values = metrics.configurations(trials) if name == "configuration" else trials[name]
        yield name, trials.assign(value=values).loc[values != UNKNOWN, ["split", "label", "value"]]
