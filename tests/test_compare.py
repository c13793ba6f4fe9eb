"""The table of a study's runs: whatever is started, nothing that has finished disappears from it."""

import json
import math
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from test_tracking_done import make

from lib import comparison
from lib.cli import main
from lib.errors import InputError
from lib.params import identity
from lib.tracking import client, done, query


@pytest.fixture
def record(small):
    """Records a run of the study as the runner does."""

    def run(number=0, *, status="FINISHED", metrics=None, room=None, tags=None, **given):
        step = done.plan(small.load(**given))[number]
        parts = step.identity
        if room:
            parts = parts | {"rooms": parts["rooms"] | {room: "0" * 16}}
        known = identity.marks(parts) | {"seed": step.run.seed, "corpus_digest": step.corpus_digest}
        known |= {query.in_study("s"): "yes", "study": "s", **(tags or {})}
        mark = known.pop("fingerprint")
        known = {key: value for key, value in known.items() if value is not None}
        return make(step.run.name, mark, status=status, metrics=metrics or {"eval/eer": 0.25}, **known)

    return run


def shown(**given):
    rows, _ = query.compare("s", "tiny", **given)
    return [(row["run_id"], row["status"], row["changed"], row["stale"]) for row in rows]


def test_compare_shows_the_newest_finished_of_each_run_and_seed(record):
    record()
    ids = record(1), record(), record(seeds="1")
    assert shown() == [(ids[1], "FINISHED", "", ""), (ids[2], "FINISHED", "", ""), (ids[0], "FINISHED", "", "")]


def test_compare_failed_and_stopped_runs_stand_below_and_displace_nothing(record, small):
    old = record(status="FAILED")
    kept, other = record(), record(1)
    record(status="FAILED")
    failed = record(status="FAILED", tags={"error": "ValueError: x"})
    early = record(1, status="KILLED", tags={"corpus_digest": None})
    running = record(1, status="RUNNING")
    assert [(run_id, status) for run_id, status, *_ in shown()] == [
        (kept, "FINISHED"), (other, "FINISHED"), (failed, "FAILED"), (early, "KILLED"),
    ]  # fmt: skip
    assert not {old, running} & {run_id for run_id, *_ in shown()}
    text = CliRunner().invoke(main, ["compare", "s"]).stdout
    assert f"11_one/a, seed 0: failed, run {failed}: ValueError: x" in text.partition("Not finished:")[2]


def test_compare_early_failure_with_set_leaves_every_row(record):
    kept = [record(), record(1)]
    record(status="FAILED", changes=["backbone_weights=/nope.h5"], tags={"corpus_digest": None})
    assert [run_id for run_id, status, *_ in shown() if status == "FINISHED"] == kept
    assert len(shown()) == 3 and shown()[2][2] == "backbone_weights=nope.h5"


def test_compare_other_parameters_are_rows_of_their_own_and_named(record):
    kept = record()
    changed = record(changes=["epochs=2"]), record(changes=["epochs=1", "backbone_weights=none"])
    record(data="/tmp/../" + done.plan.__globals__["studies"].load("s").runs[0].parameters["data"])
    rows = shown()
    assert len(rows) == 3 and rows[0][2] == ""
    assert {row[0]: row[2] for row in rows[1:]} == dict(
        zip(changed, ("epochs=2", "epochs=1, backbone_weights=none"), strict=True)
    )
    assert kept not in changed


def test_compare_stale_rows_stay_with_the_reason_of_the_plan(record, small):
    old = record(room="plots")
    assert shown() == [(old, "FINISHED", "", "lib/plots changed")]
    assert "; ".join(done.plan(small.load())[0].reasons) == "lib/plots changed"
    other = record(changes=["epochs=2"])
    assert shown()[1] == (other, "FINISHED", "epochs=2", "")
    small.notebook("11_one", "print(1)")
    assert [row[3] for row in shown()] == ["notebook changed; lib/errors, lib/plots changed"] * 0 + [
        "; ".join(done.plan(small.load())[0].reasons), "notebook changed",
    ]  # fmt: skip


def test_compare_rows_of_an_older_version_stay(record):
    made = make("11_one/a", seed=0, corpus_digest="d", **{query.in_study("s"): "yes"})
    assert shown() == [(made, "FINISHED", "epochs=2", "made by an older version")]


def test_compare_runs_that_the_study_no_longer_lists_stand_last(record, small):
    gone, kept = record(0), record(1)
    small.study("12_two/a")
    assert shown() == [(kept, "FINISHED", "", ""), (gone, "FINISHED", "", "no longer in the study")]


def test_compare_takes_what_a_plan_calls_done_whichever_study_made_it(record, small):
    own = record(room="plots")
    other = {"tags": {query.in_study("s"): None, query.in_study("t"): "yes", "study": "t"}}
    record(seeds="1", **other)  # the study has no such seed
    record(changes=["epochs=2"], **other)
    assert shown() == [(own, "FINISHED", "", "lib/plots changed")]
    newer = record(**other)
    assert done.plan(small.load())[0].done == newer
    assert shown() == [(newer, "FINISHED", "", "")]


def test_compare_runs_by_hand_only_on_request(record):
    kept = record()
    hand = record(tags={query.in_study("s"): None, "study": "by hand", "fingerprint": "by hand", "identity": None})
    assert [run_id for run_id, *_ in shown()] == [kept]
    assert shown(everything=True)[1][:3] == (hand, "FINISHED", "by hand, epochs=2")
    found = json.loads(CliRunner().invoke(main, ["compare", "s", "--all", "--json"]).stdout)
    assert [row["run_id"] for row in found] == [kept, hand]


def test_compare_never_mixes_versions_of_a_corpus(record):
    old = record(tags={"corpus_digest": "old"})
    last = record(tags={"corpus_digest": "last"})
    record(status="FAILED", tags={"corpus_digest": "later"})
    rows, older = query.compare("s", "tiny")  # the newest finished run decides
    assert [row["run_id"] for row in rows] == [last] and older == 2
    assert [row["run_id"] for row in query.compare("s", "tiny", digest="old")[0]] == [old]
    assert query.compare("s", "tiny", digest="none") == ([], 3)


def test_compare_json_is_valid_and_names_the_diverged(record):
    bad = record(metrics={"epoch/loss": math.nan, "epoch/val_loss": math.inf, "eval/eer": 0.5})
    result = CliRunner().invoke(main, ["compare", "s", "--json"])
    (row,) = json.loads(result.stdout, parse_constant=lambda text: pytest.fail(text))
    assert (row["run_id"], row["diverged"], row["epoch/loss"], row["epoch/val_loss"]) == (bad, True, None, None)
    assert "diverged" in CliRunner().invoke(main, ["compare", "s"]).stdout


def test_compare_without_any_run_is_empty(small):
    assert query.compare("s", "tiny") == ([], 0)
    assert CliRunner().invoke(main, ["compare", "s", "--json"]).stdout == "[]\n"


def test_compare_only_failures_are_shown_with_their_error(record):
    failed = record(status="FAILED", tags={"error": "it broke"})
    assert shown() == [(failed, "FAILED", "", "")]
    result = CliRunner().invoke(main, ["compare", "s"])
    assert result.exit_code == 0 and "it broke" in result.stdout


def test_selected_are_the_newest_finished_of_each_name_and_seed(record):
    corpus = SimpleNamespace(name="tiny", digest=None)
    ids = [record(), record(1), record(seeds="1")]
    record(changes=["epochs=2"])
    record(status="FAILED")
    chosen = comparison.selected("s", corpus, ["*"])
    assert {name: row["run_id"] for name, row in chosen.items()} == {
        "11_one/a seed 0": ids[0], "11_one/a seed 1": ids[2], "12_two/a": ids[1],
    }  # fmt: skip
    assert list(comparison.selected("s", corpus, ["12_*", "14_*"])) == ["12_two/a"]
    with pytest.raises(InputError, match="no finished run of a model on corpus tiny, .* is called 13_.*; `study run`"):
        comparison.selected("s", corpus, ["13_*"])


def test_selected_with_other_parameters_stand_in_where_there_are_no_others(record):
    changed = record(changes=["epochs=2"])
    (row,) = comparison.selected("s", SimpleNamespace(name="tiny", digest=None), ["*"]).values()
    assert row["run_id"] == changed


def test_newest_comparison_is_no_other_page_of_the_study(tracking):
    tag = {query.in_study("s"): "yes"}
    make("91_compare/default")
    assert query.newest("tiny", "91_compare", **tag) is None
    make("91_compare/default", **tag)
    newest = make("91_compare/default", **tag)
    make("92_sensitivity/default", **tag)
    make("91_compare/default", status="FAILED", **tag)
    assert query.newest("tiny", "91_compare", **tag).run_id == newest


def test_artifact_in_its_place_is_not_copied(tracking):
    run_id = make()
    client.connect().log_text(run_id, "text", "a/b.txt")
    with client.artifact(run_id, "a/b.txt") as path:
        assert path.read_text() == "text" and path.is_relative_to(tracking)


@pytest.mark.parametrize("runs", [0, 1])
def test_compare_sets_another_systems_scores_in_a_row_that_says_so(record, corpus_folder, tmp_path, runs):
    made = [record() for _ in range(runs)]
    lines = (corpus_folder / "protocol_V2" / "ASVspoof2017_V2_eval.trl.txt").read_text().splitlines()
    fields = [line.split() for line in lines]
    scores = "".join(f"eval/{name} {label == 'genuine':d}\n" for name, label, *_ in fields)
    (tmp_path / "theirs.txt").write_text(scores)
    asked = ["compare", "s", "--scores", f"GMM={tmp_path / 'theirs.txt'}"]
    *rows, last = json.loads(CliRunner().invoke(main, [*asked, "--json"]).stdout)
    assert [row["run_id"] for row in rows] == made
    assert last["run"] == "GMM (scores of another system)" and last["eval/eer"] == 0 and last["eval/auc"] == 1
    assert "GMM (scores of another system)" in CliRunner().invoke(main, asked).stdout
    assert CliRunner().invoke(main, ["compare", "s", "--scores", "GMM"]).exit_code == 2
