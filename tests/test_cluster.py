"""Work on a Dask cluster: same chunks, same scores, and what is refused."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import dask
import fsspec
import numpy as np
import psutil
import pytest
from click.testing import CliRunner
from conftest import put
from distributed import LocalCluster
from mlflow import MlflowClient
from test_store import SETTINGS, files

from lib import cluster, params, runner
from lib.cli import main
from lib.corpus import open_corpus
from lib.errors import InputError, RunError
from lib.features import store
from lib.params import identity
from lib.params import studies as study
from lib.runner import execution
from lib.tracking.client import database

SMALL = ("--set", "epochs=2", "--set", "steps_per_epoch=2", "--set", "image_size=32", "--set", "jobs=1")


@pytest.fixture(scope="module")
def scheduler():
    """The address of a scheduler on loopback with two worker processes."""
    few = dask.config.set({"distributed.scheduler.allowed-failures": 1})
    with few, LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as started:
        yield started.scheduler_address


@pytest.fixture
def corpus(corpus_folder):
    return open_corpus("tiny", corpus_folder, "asvspoof2017_v2")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch, tmp_path):
    monkeypatch.setattr(store, "CHUNK", 5)
    monkeypatch.setattr(store, "CACHE", tmp_path / "cache")


def extract(corpus, where):
    wanted = [store.Wanted(name, SETTINGS, 32) for name in ("mfcc", "stft")]
    stored, _ = store.extract(corpus, wanted, store=str(where), jobs=1)
    return {item.feature: images for item, images in stored.items()}


def everything(pictures):
    return [part.batch(split, range(count)) for part in pictures.values() for split, count in part.sizes.items()]


# Functions of a test's own travel by value, so the workers do not import this file.
def process_id():
    return lambda _: os.getpid()


def test_unordered_without_scheduler_stays_on_this_machine():
    assert list(cluster.unordered(process_id(), [(1,), (2,)], jobs=1)) == [os.getpid()] * 2


def test_unordered_uses_every_worker(scheduler):
    found = set(cluster.unordered(process_id(), [(k,) for k in range(20)], jobs=1, scheduler=scheduler))
    assert len(found) == 2 and os.getpid() not in found


def test_unordered_worker_killed_half_way_loses_nothing(scheduler, tmp_path):
    def killed_once(mark):
        if not os.path.exists(mark):
            with open(mark, "w"):
                os.kill(os.getpid(), signal.SIGKILL)  # as a machine that is switched off
        return mark

    marks = {str(tmp_path / "first"), __file__}
    assert set(cluster.unordered(killed_once, [(mark,) for mark in marks], jobs=1, scheduler=scheduler)) == marks


def test_unordered_task_that_kills_every_worker_is_given_up(scheduler):
    tasks = [(signal.SIGKILL,)]
    with pytest.raises(RunError, match=scheduler):
        list(cluster.unordered(lambda how: os.kill(os.getpid(), how), tasks, jobs=1, scheduler=scheduler))


def test_unordered_error_of_a_task_is_raised_here(scheduler):
    def refuse(value):
        raise InputError(f"{value}: refused")

    with pytest.raises(InputError, match="7: refused"):
        list(cluster.unordered(refuse, [(7,)], jobs=1, scheduler=scheduler))


def test_unordered_worker_with_another_lib_is_refused(scheduler, monkeypatch):
    monkeypatch.setattr(cluster.identity, "code_digest", lambda *parts: "0" * 16)
    with pytest.raises(InputError, match="another lib than this command"):
        list(cluster.unordered(process_id(), [(1,)], jobs=1, scheduler=scheduler))


def test_extract_on_workers_equals_local_byte_for_byte(scheduler, corpus, tmp_path, monkeypatch):
    extract(corpus, tmp_path / "here")
    monkeypatch.setenv(cluster.SCHEDULER, scheduler)
    extract(corpus, tmp_path / "there")
    here, there = files(tmp_path / "here"), files(tmp_path / "there")
    assert here.keys() == there.keys() and here
    assert all(here[name].read_bytes() == there[name].read_bytes() for name in here)


def test_extract_on_workers_from_bucket_to_bucket_equals_local(bucket, corpus, tmp_path, monkeypatch):
    here = extract(corpus, tmp_path)
    there = open_corpus("tiny", put(Path(corpus.folder), f"{bucket}/tiny"), "asvspoof2017_v2")
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as workers:  # they know the bucket
        monkeypatch.setenv(cluster.SCHEDULER, workers.scheduler_address)
        np.testing.assert_equal(everything(extract(there, f"{bucket}/store")), everything(here))


def test_run_on_worker_that_does_not_see_the_database_is_refused(tracking, tmp_path):
    with pytest.raises(InputError, match="has to name a server"):
        execution._execute_on_worker(None, "demo", uri=f"sqlite:///{tmp_path / 'absent.db'}")


def test_run_on_workers_makes_the_database_before_they_look_for_it(small, monkeypatch):
    seen = []
    monkeypatch.setattr(cluster, "unordered", lambda *_, **how: seen.append(database().exists()) or ())
    chosen = small.load()
    assert list(runner.run_all(chosen, runner.plan(chosen), scheduler="tcp://there:1")) == []
    assert seen == [True]


def test_run_on_worker_with_another_notebook_is_refused(tracking, corpus_folder):
    run = study.load("demo", data=str(corpus_folder), only=["11_*/mfcc"]).runs[0]
    parts = identity.identity(run, "0" * 16) | {"cells": "made elsewhere"}
    step = runner.Step(run, "0" * 16, identity.fingerprint(parts), None, parts)
    with pytest.raises(InputError, match=f"{run.name}: worker .* another version .*notebook changed"):
        execution._execute_on_worker(step, "demo", uri="http://127.0.0.1:1")


@pytest.mark.parametrize("address", ["localhost", "http://localhost:8786", "tcp://localhost:port", "tcp://localhost"])
def test_run_malformed_scheduler_is_refused(address):
    result = CliRunner().invoke(main, ["run", "demo", "--scheduler", address])
    assert result.exit_code == 2
    assert address in result.stderr and "tcp://HOST:PORT" in result.stderr


def test_run_scheduler_that_does_not_answer_is_refused(monkeypatch):
    monkeypatch.setattr(cluster, "TIMEOUT", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts and says nothing
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        result = CliRunner().invoke(main, ["run", "demo", "--scheduler", address])
    assert result.exit_code == 2
    assert f"{address}: no Dask scheduler responds" in result.stderr


@pytest.mark.parametrize(("count", "threads", "words"), [(0, 1, "no worker has joined"), (1, 2, "has 2 threads")])
def test_check_unfit_workers_are_refused(count, threads, words, monkeypatch):
    monkeypatch.setattr(cluster, "TIMEOUT", 1)
    how = {"processes": False, "protocol": "tcp", "dashboard_address": ":0"}
    with LocalCluster(n_workers=count, threads_per_worker=threads, **how) as unfit:
        with pytest.raises(InputError, match=words):
            cluster.check(unfit.scheduler_address)


def test_batch_from_an_object_store_is_that_of_files_and_kept(corpus, tmp_path, monkeypatch):
    here, there = extract(corpus, tmp_path / "here"), extract(corpus, "memory://store")
    expected = everything(here)
    np.testing.assert_equal(everything(there), expected)
    fsspec.filesystem("memory").rm("/store", recursive=True)
    np.testing.assert_equal(everything(there), expected)


def test_extract_to_s3_equals_files_and_goes_on_where_it_was(bucket, corpus, tmp_path):
    here, there = extract(corpus, tmp_path / "here"), extract(corpus, f"{bucket}/store")
    np.testing.assert_equal(everything(there), everything(here))
    s3 = fsspec.filesystem("s3")
    removed = f"{there['mfcc'].url}/dev/00001.npy"
    s3.rm(removed)
    assert list(store.pending(there["mfcc"].url, there["mfcc"].sizes).values()) == [removed]
    extract(corpus, f"{bucket}/store")
    local = f"{here['mfcc'].url}/dev/00001.npy"
    with open(local, "rb") as file:
        assert s3.cat_file(removed) == file.read()


@pytest.mark.slow
def test_run_on_workers_and_from_a_bucket_gives_the_scores_of_local_runs(scheduler, bucket, corpus_folder, tmp_path):
    scores, folder = {}, str(corpus_folder)
    for where, data, more in (
        ("here", folder, ()),
        ("workers", folder, ("--scheduler", scheduler)),
        ("bucket", put(corpus_folder, f"{bucket}/tiny"), ()),
    ):
        uri = f"sqlite:///{tmp_path / where / 'mlflow.db'}"
        command = [sys.executable, "-m", "lib", "run", "demo", "--data", data, *SMALL, *more]
        command += ["--store", str(tmp_path / where / "store"), "--only", "02_*", "--only", "11_*/mfcc"]
        environment = os.environ | {"MLFLOW_TRACKING_URI": uri}
        result = subprocess.run(command, cwd=params.ROOT, env=environment, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        client = MlflowClient(uri)
        found = client.search_runs([client.get_experiment_by_name("demo").experiment_id])
        run = next(run for run in found if run.info.run_name == "11_paper_cnn/mfcc")
        folder = tmp_path / where / "artifacts" / "demo" / run.info.run_id / "artifacts" / "scores"
        scores[where] = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert scores["here"].keys() == {"train.tsv", "dev.tsv", "eval.tsv"}
    assert scores["workers"] == scores["bucket"] == scores["here"]


def test_unordered_processes_end_with_a_killed_command():
    code = "import os, time; from lib import cluster; "
    code += "print(*cluster.unordered(time.sleep, [(60,), (60,)], jobs=2))"
    command = subprocess.Popen([sys.executable, "-c", code], cwd=params.ROOT)
    family = psutil.Process(command.pid)
    until = time.monotonic() + 30
    while len(born := family.children(recursive=True)) < 4 and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(2)  # the tasks have begun
    command.kill()
    command.wait()
    assert born and psutil.wait_procs(born, timeout=10)[1] == []
