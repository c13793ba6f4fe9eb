"""Reading what was recorded: which runs are done, and how a study's runs compare."""

from lib.tracking.client import connect

_PAGE = 1000
_COMPARISON = "91_compare/"


def in_study(study):
    """The tag by which a run says that it belongs to a study."""
    return f"in_study.{study}"


def all_runs(client, experiment, *, deleted=False):
    """Every run of an experiment, newest first; none when there is no such experiment."""
    from mlflow.entities import ViewType  # slow to import

    known = client.get_experiment_by_name(experiment)
    if not known:
        return []
    found, token = [], None
    while True:
        page = client.search_runs(
            [known.experiment_id],
            run_view_type=ViewType.ALL if deleted else ViewType.ACTIVE_ONLY,
            max_results=_PAGE,
            order_by=["attributes.start_time DESC"],
            page_token=token,
        )
        found.extend(page)
        token = page.token
        if not token:
            return found


def finished(client, experiment):
    """Fingerprint -> run id of the newest finished run that has it."""
    done = {}
    for run in all_runs(client, experiment):
        if run.info.status == "FINISHED" and "fingerprint" in run.data.tags:
            done.setdefault(run.data.tags["fingerprint"], run.info.run_id)
    return done


def newest_comparison(client, study, experiment):
    """Id of the newest finished comparison notebook of a study, or None."""
    for run in all_runs(client, experiment):
        compares = run.info.run_name.startswith(_COMPARISON)
        if compares and run.info.status == "FINISHED" and in_study(study) in run.data.tags:
            return run.info.run_id
    return None


def compare(study, experiment):
    """A study's runs of models on one corpus, side by side.

    Of each run and seed the newest stands, all on the same version of the corpus (the
    newest run's digest): numbers on different corpora are never put in one table.

    Returns
    -------
    rows : list of dict
        `run`, `seed`, `run_id`, `status`, `study`, `corpus_digest`, `weights`,
        `diagnosis` (cause, empty without one), `longest` (the section that took
        longest), `parameters` (dict) and every metric under its MLflow name.
    older : int
        Runs of the study that were made on another version of the corpus.
    """
    client = connect()
    members = [
        run
        for run in all_runs(client, experiment)
        if in_study(study) in run.data.tags and is_model(run.info.run_name) and run.info.status != "RUNNING"
    ]
    if not members:
        return [], 0
    digest = members[0].data.tags.get("corpus_digest", "")
    same = [run for run in members if run.data.tags.get("corpus_digest", "") == digest]
    newest = {}
    for run in same:
        newest.setdefault((run.info.run_name, run.data.tags.get("seed", "-")), run)
    rows = [_row(newest[key], study) for key in sorted(newest)]
    return rows, len(members) - len(same)


def looks(experiment, corpus_digest):
    """The eval ledger: every run of a corpus that has opened eval, whatever became of it.

    Runs of every study, replaced, failed and deleted ones count: who saw their numbers
    may have chosen by them.

    Parameters
    ----------
    experiment : str
    corpus_digest : str
        Runs on other versions of the corpus saw other trials.

    Returns
    -------
    list of dict, oldest first
        `run`, `seed`, `run_id`, `status`, `started` (milliseconds since 1970, UTC) and
        `looks`, how many times the run measured eval.
    """
    found = []
    for run in reversed(all_runs(connect(), experiment, deleted=True)):
        metrics, tags = run.data.metrics, run.data.tags
        if "eval/eer" in metrics and tags.get("corpus_digest") == corpus_digest:
            line = {"run": run.info.run_name, "seed": tags.get("seed", "-"), "run_id": run.info.run_id}
            line |= {"status": run.info.status, "started": run.info.start_time}
            found.append(line | {"looks": int(metrics.get("eval/looks", 1))})
    return found


def is_model(run_name):
    """Whether a run of that name trains a model (notebooks from 10 to 79)."""
    return run_name[:1].isdigit() and 10 <= int(run_name[:2]) < 80


def _row(run, study):
    tags = run.data.tags
    seed = tags.get("seed", "-")
    return {
        "run": run.info.run_name,
        "seed": int(seed) if seed.isdigit() else None,
        "run_id": run.info.run_id,
        "status": run.info.status,
        "study": study,
        "corpus_digest": tags.get("corpus_digest", ""),
        "weights": tags.get("weights", ""),
        "error": tags.get("error", ""),
        "diagnosis": tags.get("diagnosis", ""),
        "longest": tags.get("longest", ""),
        "parameters": dict(run.data.params),
        **dict(sorted(run.data.metrics.items())),
    }
