"""What numbers say, in sentences that are computed from them."""

from lib.comparison.tables import label
from lib.metrics.tables import percent, with_interval

_DETECTS = 0.25  # an eval EER below it, interval included, is called detection
_SAME = 0.02  # of accuracies that are taken for the same


def reading(name, measured, provenance, *, threshold="0.5"):
    """What a run's numbers (split -> metrics with intervals) say, in Markdown, with what is known of its corpus."""
    final = measured["eval"]
    accuracy, constant = final["accuracy"], final["constant_accuracy"]
    sentences = [
        f"**{name}**: eval EER {with_interval(final, 'eer')} % on {final['n_genuine']:,.0f} genuine and "
        f"{final['n_spoof']:,.0f} spoof trials (train {percent(measured['train']['eer'])} %, "
        f"dev {percent(measured['dev']['eer'])} %).",
        f"Its eval accuracy at threshold {threshold}, {with_interval(final, 'accuracy')} %, lies "
        f"{'below' if accuracy < constant else 'no lower than'} the {percent(constant)} % of the majority-class "
        f"baseline; balanced accuracy is {with_interval(final, 'balanced_accuracy')} %.",
    ]
    if final["auc"] < 0.5:
        sentences.append("The AUC lies below 50 %: the scores point the wrong way.")
    elif final["eer_ci_high"] >= 0.5 >= final["eer_ci_low"]:
        sentences.append("The interval of the EER holds 50 %: this is not told apart from chance.")
    return " ".join(sentences + provenance)


def reading_study(study, rows, answers, provenance):
    """What a study's runs say together, in Markdown: rows of all, the `first_screen`, which corpus this is."""
    finished = [row for row in rows if "eval/eer" in row and row["status"] == "FINISHED"]
    if not finished:
        return f"No run of study {study} has finished. " + " ".join(provenance)
    sentences = [f"{question[0].upper()}{question[1:]}: {answer}" for question, answer in answers.items()]
    below = [row for row in finished if row["eval/accuracy"] < row["eval/constant_accuracy"]]
    notes = {
        f"Accuracy below the majority-class baseline's ({len(below)} of {len(finished)})": below,
        "Diverged, a loss is not finite": [row for row in finished if row.get("diverged")],
        "Stale": [row for row in finished if row.get("stale")],
        "Not finished": [row for row in rows if row["status"] != "FINISHED"],
    }
    sentences += [f"{title}: {'; '.join(map(label, named))}." for title, named in notes.items() if named]
    return "\n".join(f"- {sentence}" for sentence in sentences + provenance)


def lessons(rows):
    """What to look for in a table of finished runs: what detects, what collapsed, what is chance, a sentence each."""
    rows, found = sorted((row for row in rows if "eval/eer_ci_high" in row), key=lambda row: row["eval/eer"]), []
    if detects := [row for row in rows if row["eval/eer_ci_high"] < _DETECTS]:
        named = "; ".join(f"{label(row)} {with_interval(row, 'eval/eer')} %" for row in detects)
        surely = f"These detect replay on this corpus, eval EER surely below {100 * _DETECTS:.0f} %"
        found.append(f"{surely}: {named}.")
    if one := [row for row in rows if _one_decision(row)]:
        named = "; ".join(f"{label(row)} (accuracy {percent(row['eval/accuracy'])} %)" for row in one)
        found.append(
            f"These decide the same for nearly every trial, whatever their accuracy: {named}. The majority-"
            f"class baseline has an accuracy of {percent(rows[0]['eval/constant_accuracy'])} % too."
        )
    if chance := [row for row in rows if row["eval/eer_ci_low"] <= 0.5 <= row["eval/eer_ci_high"]]:
        found.append(f"Not distinguishable from chance on these trials: {'; '.join(map(label, chance))}.")
    return found


def _one_decision(row):
    """Whether both accuracies are those of giving one class always."""
    accuracy, share = row["eval/accuracy"], row["eval/constant_accuracy"]
    alike = min(abs(accuracy - share), abs(accuracy - (1 - share)))
    return max(abs(row["eval/balanced_accuracy"] - 0.5), alike) < _SAME


def reading_ledger(looks, best=""):
    """How often eval was opened before the choice of the run of id `best` was made, as a sentence."""
    if not looks:
        return "Eval of this corpus has not been opened."
    text = f"Eval of this corpus was opened {_times(looks)} by {len(looks)} run{'s' * (len(looks) > 1)} up to now"
    if chosen := next((row for row in looks if row["run_id"] == best), None):
        before = [row for row in looks if row["started"] < chosen["started"]]
        text += f", {_times(before)} before the run that stands first, {chosen['run']}, was started"
    return f"{text}. The lowest of many EERs is low by luck too: a choice by dev is safe from that, one by eval is not."


def _times(looks):
    number = sum(row["looks"] for row in looks)
    return "once" if number == 1 else f"{number:,} times"
