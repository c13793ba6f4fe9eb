"""A run's model as MLflow knows it: opened anywhere, without pickle, with the recorded scores."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile
from networks import paper_cnn
from sklearn.mixture import GaussianMixture
from test_finetuning import made, saved
from test_store import SETTINGS
from threadpoolctl import threadpool_limits

from lib import audio, inputs
from lib.corpus import open_corpus
from lib.errors import InputError
from lib.inputs import Image, Matrix, Waveform, opened
from lib.params import ROOT
from lib.systems import training
from lib.systems.estimators import Mixtures
from lib.systems.networks import Network
from lib.tracking import models, runs

SPLIT = "dev"
# A product of float32 matrices has other last digits with another number of threads: here as in `place`.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def place(tmp_path_factory, corpus_folder):
    """A run of a network, of mixtures and of a tuned encoder, with the scores that their own pass gives."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        uri = f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}"
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        patch.delenv("STUDY_RUN_ID", raising=False)
        patch.setattr("lib.corpus.folder.DIGESTS", folder / "digests")
        corpus = open_corpus("tiny", corpus_folder, "asvspoof2017_v2")
        found = {}
        for name, system, item in (
            ("11_paper_cnn", Network(paper_cnn(24)), Image("mfcc", "coolwarm", "-1-1", 24, SETTINGS)),
            ("16_wav2vec_finetune", made(saved(folder / "weights")), Waveform()),
            ("21_gmm", Mixtures(GaussianMixture(2, covariance_type="diag")), Matrix("mfcc", "cmvn", settings=SETTINGS)),
        ):
            training.prepare(0)
            fed = opened([item], corpus, store_url=str(folder / "store"), jobs=1)
            if isinstance(system, Mixtures):
                system.fit(fed, seed=0)
            run = runs.start(name, {"corpus": "tiny", "variant": "x", "seed": 0}, corpus_digest=corpus.digest)
            models.log_corpus(run, corpus)
            models.log_system(run, SimpleNamespace(system=system, key="abc"), fed)
            found[name] = SimpleNamespace(run=run, scores=system.scores(fed, SPLIT), system=system, inputs=fed.inputs)
        yield SimpleNamespace(uri=uri, corpus=corpus, runs=found, folder=folder)


KINDS = {"11_paper_cnn": "Image", "16_wav2vec_finetune": "Waveform", "21_gmm": "Matrix"}
NAMES = tuple(KINDS)

_OPEN = """
import json, sys
import mlflow, numpy as np, pandas as pd, soundfile
paths = json.loads(sys.stdin.read())
clips = [soundfile.read(path, dtype="float32") for path in paths]
table = pd.DataFrame({"samples": [samples.tolist() for samples, _ in clips], "sr": [sr for _, sr in clips]})
answers = {}
for uri in sys.argv[1:]:
    model = mlflow.pyfunc.load_model(uri)
    answers[uri] = [float(score) for score in model.predict(table)]
print(json.dumps(answers))
"""


def test_models_open_in_an_empty_folder_outside_the_checkout_with_the_recorded_scores(place, tmp_path):
    uris = {f"runs:/{place.runs[name].run.run_id}/model": place.runs[name].scores for name in NAMES}
    result = subprocess.run(
        [sys.executable, "-c", _OPEN, *uris],
        input=json.dumps(place.corpus.split(SPLIT)["path"].tolist()),
        cwd=tmp_path,
        env=os.environ | ONE_THREAD | {"MLFLOW_TRACKING_URI": place.uri, "PYTHONPATH": str(ROOT)},  # as installed
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    answers = json.loads(result.stdout.splitlines()[-1])
    for uri, scores in uris.items():
        np.testing.assert_array_equal(answers[uri], scores)
    assert list(tmp_path.iterdir()) == []


def files_of(client, run_id, path=None):
    for item in client.list_artifacts(run_id, path):
        yield from files_of(client, run_id, item.path) if item.is_dir else [item.path]


@pytest.mark.parametrize("name", NAMES)
def test_run_keeps_its_model_among_its_artifacts_without_pickle(place, name):
    run = place.runs[name].run
    found = set(files_of(run.client, run.run_id))
    assert {"inputs.json", "model/MLmodel", "model/scorer.py", f"{models.SYSTEM}/system.json"} <= found
    assert not [path for path in found if path.endswith((".pkl", ".pickle", ".joblib", ".dill"))]
    described = run.client.download_artifacts(run.run_id, "inputs.json", str(place.folder))
    assert json.loads(open(described).read())[0]["kind"] == KINDS[name]
    everything = [path for path in (place.folder / "mlruns").rglob("*") if path.is_file()]
    assert not [path for path in everything if b"\x80\x05\x95" in path.read_bytes()[:16]]  # a pickle by its first bytes


@pytest.mark.parametrize("name", NAMES)
def test_run_has_a_logged_model_and_its_dataset(place, name):
    run = place.runs[name].run
    found = run.client.get_run(run.run_id)
    (output,) = found.outputs.model_outputs
    logged = run.client.get_logged_model(output.model_id)
    assert (logged.name, logged.status, logged.source_run_id) == (f"{name}-x", "READY", run.run_id)
    assert logged.tags["fit"] == "abc"
    with open(run.client.download_artifacts(run.run_id, "model/README.md")) as file:
        card = file.read()
    assert card == logged.tags["mlflow.note.content"] and card.startswith(f"# {name}/x\n")
    assert f"corpus tiny, digest {place.corpus.digest}, seed 0" in card and f"--run {run.run_id}" in card
    (dataset,) = found.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("tiny", place.corpus.digest)
    assert json.loads(dataset.dataset.profile) == {"train": 24, "dev": 14, "eval": 20}


@pytest.mark.parametrize("name", NAMES)
def test_run_is_still_open_after_its_model_was_logged(place, name):
    import mlflow

    run = place.runs[name].run
    assert run.client.get_run(run.run_id).info.status == "RUNNING"
    assert mlflow.active_run() is None
    (experiment,) = [e for e in run.client.search_experiments() if e.name == "tiny"]
    assert {r.info.run_id for r in run.client.search_runs([experiment.experiment_id])} == {
        place.runs[other].run.run_id for other in NAMES
    }  # and no other was begun


def test_model_has_a_signature_and_an_example_that_it_scores(place):
    import mlflow

    model = mlflow.pyfunc.load_model(f"runs:/{place.runs['21_gmm'].run.run_id}/model")
    assert model.metadata.signature.inputs.input_names() == ["samples", "sr"]
    assert model.metadata.signature.outputs.input_names() == ["score"]
    example = model.input_example
    assert np.isfinite(model.predict(example)).all()


def test_model_takes_recordings_of_another_rate_as_files_are_read(place, tmp_path):
    import mlflow

    run = place.runs["11_paper_cnn"]
    model = mlflow.pyfunc.load_model(f"runs:/{run.run.run_id}/model")
    path = place.corpus.split(SPLIT)["path"][0]
    own, half = (audio.read(path, sr=sr)[0] for sr in (16_000, 8_000))
    soundfile.write(tmp_path / "half.wav", half, 8_000, subtype="FLOAT")
    table = pd.DataFrame({"samples": [own.tolist(), half.tolist()], "sr": [16_000, 8_000]})
    clips = [own, audio.read(tmp_path / "half.wav")[0]]
    expected = inputs.scores(run.system, run.inputs, clips)
    np.testing.assert_array_equal(model.predict(table), expected)
    assert expected[0] == run.scores[0] and expected[1] != expected[0]


def test_run_of_a_registered_model_its_alias_and_its_own_id(place, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", place.uri)
    run = place.runs["21_gmm"].run
    model_id = run.client.get_run(run.run_id).outputs.model_outputs[0].model_id
    run.client.create_registered_model("gmm")
    by_run = run.client.create_model_version("gmm", f"runs:/{run.run_id}/model", run.run_id)
    by_id = run.client.create_model_version("gmm", f"models:/{model_id}", model_id=model_id)
    run.client.set_registered_model_alias("gmm", "best", by_run.version)
    for name in (f"gmm/{by_run.version}", f"gmm/{by_id.version}", "gmm@best", model_id):
        assert models.run_of(f"models:/{name}") == run.run_id
    for name, words in (("gmm/9", "version=9. not found"), ("gmm@none", "none"), ("a/b/c", "expected models:/NAME/V")):
        with pytest.raises(InputError, match=words):
            models.run_of(f"models:/{name}")
