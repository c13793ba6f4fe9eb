"""The page as a browser calls it: what is uploaded is answered, nothing else is read."""

import ast
import socket
import time
from dataclasses import replace

import gradio_client
import httpx
import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import SR, tone
from scored import ANYTHING

from lib import metrics, params, scoring
from lib.errors import InputError
from lib.inputs import Waveform
from lib.plots import signals
from lib.plots.evaluation import score_histogram
from lib.scoring import Judge, System, app
from lib.scoring import answers as answering
from lib.tracking.query import Record


class Loud:
    """A system that takes loud recordings for genuine, and counts how many ask it at a time."""

    packages, inside, most = (), 0, 0

    def score(self, clips):
        Loud.inside += 1
        Loud.most = max(Loud.most, Loud.inside)
        time.sleep(0.02)
        Loud.inside -= 1
        return np.array([20 * np.sqrt(np.mean(np.square(y))) - 3 for y in clips])


@pytest.fixture(scope="module")
def judge():
    settings = {"threshold": "dev-eer"}
    run = Record("f" * 32, "21_gmm/loud", "demo", "FINISHED", 0, 0, {"seed": "0"}, settings, {"dev/eer": 0.1})
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 50)
    dev = pd.DataFrame({"trial": range(100), "score": rng.normal(4 * labels - 2, 2), "label": labels})
    card = metrics.threshold_card(dev["score"], dev["label"], costs=metrics.Costs(p_spoof=0.5, c_miss=1, c_fa=1))
    return Judge(System(run, Loud(), (Waveform(),)), dev, card, ANYTHING, ["Nobody looked at <its> weaknesses."])


@pytest.fixture(scope="module")
def served(judge, tmp_path_factory):
    """A client of the page on a free port."""
    with socket.socket() as asked, pytest.MonkeyPatch.context() as patch:
        asked.bind(("127.0.0.1", 0))
        port = asked.getsockname()[1]
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        asked.close()
        made = app.blocks(judge)
        address = app.launch(made, "127.0.0.1", port)[1]
        yield gradio_client.Client(address, verbose=False, analytics_enabled=False)
        made.close(verbose=False)


@pytest.fixture
def written(tmp_path):
    def write(y, name="mine.wav"):
        soundfile.write(tmp_path / name, y, SR)
        return tmp_path / name

    return write


def ask(served, path):
    return served.predict(gradio_client.handle_file(path), api_name="/answer")


@pytest.mark.executes
def test_page_answers_what_is_uploaded(served, written):
    words, pictures = ask(served, written(tone(0.8)))
    assert words.startswith("## genuine\nScore **4.07**; higher is more genuine.\nBy dev, such a score is about")
    assert (
        pictures.count("<img src=") == 2 and "this recording" in pictures and 'alt="waveform; spectrogram' in pictures
    )


@pytest.mark.executes
def test_page_says_where_the_run_decided(served, written):
    y = np.concatenate([0.02 * tone(0.4), tone(0.4)])
    words, picture = served.predict(gradio_client.handle_file(written(y)), api_name="/explanation")
    assert "- **occlusion over seconds**: 0.4 to" in words and "s support the label most; without these" in words
    assert picture.count("<img src=") == 1


@pytest.mark.executes
def test_page_answers_nobody_while_it_explains(served, written):
    path = gradio_client.handle_file(written(tone(0.8)))
    jobs = [served.submit(path, api_name=name) for name in ("/explanation", "/answer", "/explanation", "/answer")]
    assert all(job.result() for job in jobs)
    assert Loud.most == 1


@pytest.mark.executes
def test_page_says_what_cannot_be_used(served, written, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    for path, why in ((tmp_path / "bad.wav", "not readable"), (written(np.zeros(SR)), "silent throughout")):
        words, pictures = ask(served, path)
        assert words.startswith(f"## cannot be used\n{path.name}: {why}")
        assert pictures == ""


def test_page_refuses_long_recordings(judge, written, monkeypatch):
    monkeypatch.setattr(app, "MINUTES", 0.01)
    words, _ = app.told(judge, app.answer, written(tone(1.0)))
    assert "mine.wav: lasts 0.0 minutes: must last at most 0" in words


def test_page_explains_the_beginning_of_what_lasts(judge, written, monkeypatch):
    monkeypatch.setattr(app, "SECONDS", 0.5)
    words, _ = app.told(judge, app.explanation, written(tone(1.0)))
    assert words.startswith("Of the 0.5 s from 0.0 s on:")


def test_page_explains_the_window_that_speaks_most_for_the_answer(judge, written):
    known = {**ANYTHING, "ranges": ANYTHING["ranges"] | {"seconds": (0, 2.0)}}
    y = np.concatenate([0.3 * tone(1.0), tone(1.0), 0.1 * tone(1.0)])
    words, _ = app.told(replace(judge, known=known), app.explanation, written(y))
    assert words.startswith("Of the 1.0 s from 1.0 s on:")


def test_figures_of_a_run_without_order_and_of_windows(judge):
    nowhere, dev = (-np.inf, np.inf), judge.dev
    windows = [{"start": n, "end": n + 1.0, "score": float(n)} for n in range(3)]
    *_, found = signals.views(tone(3.0), SR, windows, nowhere).axes
    line, band = found.patches
    assert band.zorder < line.zorder  # which lies open, within the band too
    scale = score_histogram(dev["score"], dev["label"], 0.0, "dev", score=99.0, borders=nowhere)
    low, high = scale.axes[0].get_xlim()
    assert low < dev["score"].min() and high > 99.0


def test_page_gives_no_odds_where_there_are_none(judge):
    words, _ = app.answer(replace(judge, card=None), tone(1.0), ["<b>"])
    assert words == "## cannot tell: too close to call\nScore **4.07**; higher is more genuine.\n\n- &lt;b&gt;"


@pytest.mark.executes
@pytest.mark.parametrize("place", ["uploaded.wav", "https://example.invalid/a.wav", "file"])
def test_page_reads_no_path_of_the_clients_choosing(served, written, place):
    place = str(written(tone(0.5))) if place == "file" else place
    data = {"path": place, "meta": {"_type": "gradio.FileData"}}
    called = httpx.post(f"{served.src}gradio_api/call/answer", json={"data": [data]}, trust_env=False)
    answer = httpx.get(f"{served.src}gradio_api/call/answer/{called.json()['event_id']}", trust_env=False)
    assert answer.text.startswith("event: error")
    assert httpx.get(f"{served.src}gradio_api/file={params.ROOT}/pyproject.toml", trust_env=False).status_code == 403


@pytest.mark.executes
def test_page_asks_nothing_of_other_machines(served):
    content = httpx.get(served.src, trust_env=False).text
    assert "googleapis" not in content and "cdnjs" not in content
    config = httpx.get(f"{served.src}config", trust_env=False).json()
    assert config["analytics_enabled"] is False


def test_page_shows_what_is_known_of_the_run(judge):
    text = "\n".join(str(block.value) for block in app.blocks(judge).blocks.values() if hasattr(block, "value"))
    assert "Run **21_gmm/loud**, seed 0" in text and "EER on dev 10.0 %, threshold 0 (dev-eer)." in text
    assert "- Nobody looked at &lt;its&gt; weaknesses." in text


@pytest.fixture
def known(monkeypatch):
    """Runs that are known, of which each can be opened."""

    def record(name, corpus, started, status="FINISHED", **rates):
        rates = {key.replace("_", "/"): rate for key, rate in rates.items()}
        return Record(f"id{started}", name, corpus, status, started, 0, metrics=rates)

    known = [
        record("21_gmm/a", "old", 1, dev_eer=0.0),
        record("91_compare/default", "new", 9),
        record("21_gmm/a", "new", 5, dev_eer=0.2, eval_eer=0.0),
        record("22_lcnn/b", "new", 4, dev_eer=0.1, eval_eer=0.5),
        record("22_lcnn/c", "new", 6, "FAILED", dev_eer=0.0),
    ]
    monkeypatch.setattr(answering.query, "records", lambda: known)
    monkeypatch.setattr(answering, "open_run", lambda run: run)
    monkeypatch.setattr(answering, "judge", lambda opened: opened)
    return known


def test_best_on_dev_is_of_the_newest_runs_corpus_and_never_asks_eval(known):
    assert scoring.best_on_dev() == ("id4", [])
    known.clear()
    with pytest.raises(InputError, match="no finished run of a model; `study run demo` makes some"):
        scoring.best_on_dev()


def test_best_on_dev_passes_over_what_cannot_be_opened_and_says_why(known, monkeypatch):
    def open_run(run, closed=("id4", "id7")):
        if run in closed:
            raise InputError(f"{run} is of an older lib")
        return run

    monkeypatch.setattr(answering, "open_run", open_run)
    known.append(replace(known[3], run_id="id7", started=7))  # the same run again, the newer one first
    assert scoring.best_on_dev() == ("id5", ["id7 is of an older lib"])
    del known[2]
    with pytest.raises(InputError, match="^id7 is of an older lib"):
        scoring.best_on_dev()


def test_no_other_module_imports_gradio_when_it_is_imported():
    for path in (params.ROOT / "lib").rglob("*.py"):
        at_import = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        text = " ".join(ast.unparse(node) for node in at_import)
        assert path.name == "app.py" or not ("gradio" in text or "scoring.app" in text), path
