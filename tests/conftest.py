"""A tiny corpus and its surroundings; nothing here needs more than this checkout.

The recordings are filtered noise in a second or less: genuine full-band, spoof
low-passed. That is enough to see a difference and no claim about speech.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path
from urllib.request import Request, urlopen

import fsspec
import numpy as np
import pandas as pd
import pytest
import soundfile
from scipy import signal
from small_study import small  # noqa: F401 - a fixture

from lib.corpus import open_corpus
from lib.tracking import client

SR = 16_000
COUNTS = {"train": (12, 12), "dev": (6, 8), "eval": (5, 15)}
ENDINGS = {"train": "trn", "dev": "trl", "eval": "trl"}
SHARED = Path(__file__).resolve().parents[2] / "shared"


# Test files that train, execute notebooks or start servers, those that take longest first; `make check` does not
# even read them, since their imports take seconds too.
EXECUTE = (
    "test_notebooks", "test_notebooks_by_hand", "test_runner", "test_runner_kernels", "test_kept",
    "test_tracking", "test_scoring",
    "test_finetuning", "test_models_mlflow", "test_diagnosis", "test_transfer", "test_bench", "test_shortcuts",
    "test_cluster", "test_networks", "test_made", "test_embeddings", "test_servers", "test_training", "test_modules",
    "test_label_contract", "test_metrics_coverage",
)  # fmt: skip


def pytest_ignore_collect(collection_path, config):
    return True if collection_path.stem in EXECUTE and "not executes" in config.option.markexpr else None


def pytest_collection_modifyitems(items):
    for item in items:
        if item.module.__name__ in EXECUTE:
            item.add_marker(pytest.mark.executes)
    places = {name: place for place, name in enumerate(EXECUTE)}
    items.sort(key=lambda item: places.get(item.module.__name__, len(places)))  # no worker is left with a long file


@pytest.fixture(scope="session", autouse=True)
def scratch():
    """What libraries leave among temporary files, such as MLflow's copies of artifacts, is gone with the session."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def tone(seconds=0.5, sr=SR, hz=440.0):
    """A sine of half full scale."""
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * sr)) / sr)


def normal(rng, n_genuine, n_spoof, distance=1.6):
    """Scores of normal distribution, and their labels."""
    labels = np.r_[np.ones(n_genuine, int), np.zeros(n_spoof, int)]
    return rng.normal(size=len(labels)) + distance * (labels - 0.5), labels


def table(scores, labels, **columns):
    """A table of scores as a protocol completes it."""
    trials = [f"E_{k}" for k in range(len(labels))]
    return pd.DataFrame({"trial": trials, "score": scores, "label": labels, **columns})


def recording(rng, label):
    y = rng.normal(size=int(rng.uniform(0.4, 0.8) * SR))
    if label == "spoof":
        y = signal.sosfilt(signal.butter(4, 2500, fs=SR, output="sos"), y)
    return 0.5 * y / np.abs(y).max()


def write_corpus(folder, counts=COUNTS, seed=7):
    """A corpus in the layout of ASVspoof 2017 V2."""
    rng = np.random.default_rng(seed)
    (folder / "protocol_V2").mkdir(parents=True)
    for number, (split, (genuine, spoof)) in enumerate(counts.items()):
        recordings = folder / f"ASVspoof2017_V2_{split}"
        recordings.mkdir()
        lines = []
        for k in range(genuine + spoof):
            label = "genuine" if k % (genuine + spoof) < genuine else "spoof"
            name = f"{split[0].upper()}_{1000001 + k}.wav"
            soundfile.write(recordings / name, recording(rng, label), SR, subtype="PCM_16")
            replay = "- - -" if label == "genuine" else f"E{number:02d} P{number:02d} R{number:02d}"
            lines.append(f"{name} {label} M{10 * number + k % 3:04d} S{k % 4:02d} {replay}")
        protocol = folder / "protocol_V2" / f"ASVspoof2017_V2_{split}.{ENDINGS[split]}.txt"
        protocol.write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="session")
def corpus_folder(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpora") / "tiny")


@pytest.fixture(scope="session")
def corpus(corpus_folder, tmp_path_factory):
    """The tiny corpus, opened."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lib.corpus.folder.DIGESTS", tmp_path_factory.mktemp("digests"))
        return open_corpus("tiny", corpus_folder, "asvspoof2017_v2")


@pytest.fixture
def own_corpus(tmp_path):
    """A corpus that the test may break."""
    return write_corpus(tmp_path / "corpus")


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """A tracking database without runs: MLflow takes a second and more to make one."""
    file = tmp_path_factory.mktemp("database") / "mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{file}")
        client.connect()
    return file


@pytest.fixture(scope="session")
def warm():
    """What a process has in its environment to have its kernels from `lib.runner.kernels`."""
    from lib.runner import kernels  # slow to import

    with kernels.served():
        place = os.environ.pop(kernels.PLACE)
        while not Path(place).exists():
            time.sleep(0.1)
        yield {kernels.PLACE: place, "PYTHONPATH": str(Path(__file__).parent / "warm")}


@pytest.fixture
def tracking(tmp_path, monkeypatch, empty_database):
    """Tracking in a folder of the test's own; its database is a copy."""

    def make(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(empty_database, file)

    monkeypatch.setattr(client, "_make", make)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}")
    monkeypatch.delenv("STUDY_RUN_ID", raising=False)
    return tmp_path / "mlruns"


@pytest.fixture(autouse=True)
def digests_apart(tmp_path, monkeypatch):
    """Digests of test corpora do not go into the project's data folder."""
    monkeypatch.setattr("lib.corpus.folder.DIGESTS", tmp_path / "digests")


@pytest.fixture
def shared():
    """The folder of real data beside the project, or a skip that says so."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the real data of {SHARED}, which is absent")
    return SHARED


def put(folder, url):
    """Copy a folder to a URL, which is returned."""
    fs, place = fsspec.url_to_fs(url)
    for path in folder.rglob("*"):
        if path.is_file():
            fs.pipe_file(f"{place}/{path.relative_to(folder).as_posix()}", path.read_bytes())
    return url


@pytest.fixture
def memory():
    """A URL of this process alone, empty before and after."""
    yield "memory://test"
    fsspec.filesystem("memory").store.clear()


@pytest.fixture
def bucket(monkeypatch):
    """An empty bucket of moto's S3 server on loopback, as the environment names one."""
    moto = pytest.importorskip("moto.server", reason="needs moto[server], of the dev extra")
    import boto3

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    urlopen(
        Request(f"http://{host}:{port}/moto-api/reset", method="POST")
    ).close()  # servers of a process share buckets
    values = {"AWS_ACCESS_KEY_ID": "loopback", "AWS_SECRET_ACCESS_KEY": "loopback", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in (values | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}).items():
        monkeypatch.setenv(name, value)
    fsspec.filesystem("s3").clear_instance_cache()  # one made before had no such credentials
    boto3.client("s3").create_bucket(Bucket="study")
    yield "s3://study"
    server.stop()
    fsspec.filesystem("s3").clear_instance_cache()
