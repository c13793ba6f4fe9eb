"""How MLflow's page of an experiment opens: with the columns that matter, and a note in words.

A saved view is a tag of the experiment, in the format of MLflow 3.17; another version shows its own columns.
"""

import json

from lib.tracking.client import connect

NOTE = "mlflow.note.content"  # the description at the top of an experiment's, a run's and a model's page
QUERY = "viewStateShareKey=study&workflowType=machine_learning"  # the page's menu is that of training, too
_TAG = "mlflow.sharedViewState.study"
_COLUMNS = {  # tags, and their widths in pixels
    "seed": 60, "eval EER": 150, "eval bal. acc.": 150, "dev EER": 150, "diagnosis": 150, "weights": 150,
}  # fmt: skip
_SECTIONS = ("eval", "dev", "epoch", "train")  # of the page of charts, and the charts that stand first in them
_CHARTS = ("eval/eer", "eval/balanced_accuracy", "dev/eer")


def saved():
    """Save the study's view with each experiment; its name -> the path of the page that opens with it."""
    widths = {f"tags.`{name}`": width for name, width in _COLUMNS.items()}
    order = {"orderByKey": "metrics.`eval/eer`", "orderByAsc": True}
    state = {"selectedColumns": list(widths), "columnOrder": list(widths), "columnWidths": widths} | order
    sections = [{"uuid": name, "name": name, "display": True, "isReordered": True} for name in _SECTIONS]
    charts = [{"uuid": n, "metricKey": n, "metricSectionId": n.partition("/")[0], "type": "BAR"} for n in _CHARTS]
    state |= {"compareRunSections": sections, "compareRunCharts": charts, "isAccordionReordered": True}
    view = json.dumps({"name": "The study's table", "createdAt": 0, "state": json.dumps(state)})
    client, found = connect(), {}
    for experiment in client.search_experiments():
        if experiment.name != "Default":  # MLflow's own, where the study has no run
            if experiment.tags.get(_TAG) != view:
                client.set_experiment_tag(experiment.experiment_id, _TAG, view)
            found[experiment.name] = f"#/experiments/{experiment.experiment_id}/runs?{QUERY}"
    return found


def describe(experiment, text):
    """Set the note at the top of an experiment's page, in Markdown."""
    client = connect()
    if known := client.get_experiment_by_name(experiment):
        client.set_experiment_tag(known.experiment_id, NOTE, text)
