"""One page on this machine: a recording of one's own, and what a trained run answers.

It is served to this machine alone (127.0.0.1) and asks nothing of any other. What a browser
sends is a file that was uploaded here, or nothing: no path and no address of the browser's
choosing is read. Uploads are removed when the page is stopped.
"""

import base64
import io
import math
import os
import socket
import tempfile
from html import escape
from pathlib import Path

import gradio as gr

from lib import audio, scoring
from lib.errors import InputError, RunError
from lib.plots import answers
from lib.scoring.explanations import explain
from lib.tracking.done import records
from lib.tracking.query import is_model

MEGABYTES = 100  # of an upload, at most
MINUTES = 20.0  # of a recording, at most
SECONDS = 20.0  # of it that are explained, at most: each part of it is held in memory
_HOST = "127.0.0.1"
_CSS = """
.answer h2 {font-size: 2rem; margin: 0}
.picture img {width: 100%; max-width: 36rem; background: white; margin: auto}
.gradio-container {max-width: min(52rem, 100vw) !important; margin: auto}
"""
_HEAD = "Drop a recording of speech here, or record one: at most {} MB and {:.0f} minutes. It is brought to {:g} kHz."
_VIEWS = "Waveform, spectrogram and MFCC over time."
_COST = "An explanation scores 70 to 170 changed copies of the recording: seconds for most runs, minutes for some."


class Page:
    """What the page does with a file that was uploaded."""

    def __init__(self, judge):
        self.judge = judge
        self.sr = judge.system.sr

    def answer(self, path):
        """Answer, pictures and the second from which an explanation starts, of an uploaded file (None: cleared)."""
        if path is None:
            return "", "", 0.0
        try:
            y, notes = self._read(path)
            found = self.judge.answer(y, self.sr)
        except InputError as error:
            return f"## cannot be used\n{_of_file(error, path)}", "", 0.0
        threshold, borders = self.judge.run.threshold, self.judge.borders
        scale = answers.on_scale(self.judge.dev, found.score, threshold, borders)
        views = answers.views(y, self.sr, found.windows, borders)
        pictures = _picture(scale, f"Score {found.score:.2f} among the run's scores of dev; threshold {threshold:.2f}.")
        return _words(found, notes), pictures + _picture(views, _VIEWS), self._start(found)

    def explanation(self, path, start):
        """Where the run decided: words and pictures of an uploaded file, from a second on."""
        if path is None:
            return "Drop or record something first.", ""
        try:
            y, _ = self._read(path)
            seconds = self.judge.known["seconds"] if self.judge.is_long(y) else SECONDS
            y = y[round(start * self.sr) :][: round(seconds * self.sr)]
            found = explain(self.judge.system, y)
        except InputError as error:
            return _of_file(error, path), ""
        lines = [f"Of the {len(y) / self.sr:.1f} s from {start:.1f} s on:", *(_found(one, start) for one in found)]
        return "\n".join(lines), _picture(answers.explained(y, self.sr, found, start), " ".join(lines))

    def about(self):
        """What is known of the run, as Markdown."""
        run = self.judge.run
        lines = [
            f"Run **{run.name}**, seed {run.tags.get('seed', '-')}, id `{run.run_id}`, on corpus **{run.corpus}**:",
            f"EER on dev {100 * run.metrics['dev/eer']:.1f} %, threshold {run.threshold:.3g} ({run.threshold_source}).",
        ]
        return "\n".join([*lines, "", *(f"- {escape(text)}" for text in self.judge.caveats)])

    def _read(self, path):
        seconds = audio.duration(path)
        if seconds > 60 * MINUTES:
            raise InputError(f"{path}: lasts {seconds / 60:.1f} minutes: must last at most {MINUTES:.0f}")
        return audio.read(path, sr=self.sr)

    def _start(self, found):
        """Start of the window that speaks most for the answer, s."""
        side = 1 if found.score >= self.judge.run.threshold else -1
        return max(found.windows, key=lambda one: side * one["score"])["start"] if found.windows else 0.0


def blocks(page):
    """The page as Gradio's blocks."""
    with gr.Blocks(title="Genuine or replayed?", analytics_enabled=False) as made:
        gr.Markdown("# Genuine or replayed?\n" + _HEAD.format(MEGABYTES, MINUTES, page.sr / 1000))
        recording = gr.Audio(
            sources=["upload", "microphone"], type="filepath", label="recording", editable=False, buttons=[]
        )
        recording.async_move_resource_to_block_cache = _uploaded(recording.async_move_resource_to_block_cache)
        words = gr.Markdown(elem_classes="answer")
        pictures = gr.HTML(elem_classes="picture")
        start = gr.State(0.0)
        ask = gr.Button("Where did it decide?")
        gr.Markdown(_COST)
        where = gr.Markdown()
        maps = gr.HTML(elem_classes="picture")
        gr.Markdown("## Which run answers, and what is known of it")
        gr.Markdown(page.about())
        alone = {"concurrency_id": "run", "concurrency_limit": 1}  # an explanation shuffles the weights for a while
        told = recording.change(page.answer, recording, [words, pictures, start], api_name="answer", **alone)
        told.then(lambda: ("", ""), None, [where, maps], api_visibility="private")
        ask.click(page.explanation, [recording, start], [where, maps], api_name="explanation", **alone)
    return made.queue(max_size=8)


def _uploaded(kept):
    """Gradio's own step for the file that a browser names, without addresses, which it would fetch."""

    async def only_uploads(place):
        if "://" in str(place):
            raise gr.Error("a recording must be uploaded: no address is fetched", print_exception=False)
        return await kept(place)

    return only_uploads


def launch(made, port, **how):
    """Serve the blocks on this machine and nowhere else; returns and takes what Gradio's `launch` does."""
    theme = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"])  # none from elsewhere
    return made.launch(
        server_name=_HOST, server_port=port, share=False, inbrowser=False, quiet=True, ssr_mode=False, pwa=False,
        mcp_server=False, allowed_paths=[], max_file_size=MEGABYTES * 10**6, footer_links=[], theme=theme, css=_CSS,
        **how,
    )  # fmt: skip


def serve(run, port, ready):
    """Serve the page for a run (None: the best on dev) until it is stopped; `ready` is told its name and address.

    RunError when the port is taken.
    """
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server itself
        try:
            asked.bind((_HOST, port))
        except OSError as error:
            raise RunError(f"port {port} cannot be used ({error.strerror}): --port takes another one") from None
    page = Page(scoring.judge(scoring.open_run(run or best_on_dev())))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        made = blocks(page)
        address = launch(made, port, prevent_thread_lock=True)[1]
        ready(page.judge.run.name, address)
        made.block_thread()


def best_on_dev():
    """Id of the finished run with the lowest dev EER on the corpus of the newest one; eval is not asked."""
    found = [r for r in records() if r.status == "FINISHED" and is_model(r.name) and "dev/eer" in r.metrics]
    if not found:
        raise InputError("no finished run of a model; `study run demo` makes some")
    newest = max(found, key=lambda record: record.started)
    return min((r.metrics["dev/eer"], -r.started, r.run_id) for r in found if r.corpus == newest.corpus)[-1]


def _words(found, notes):
    lines = [f"## {found.label}{f': {found.reason}' if found.reason else ''}", f"Score **{found.score:.2f}** log-odds."]
    if found.calibrated is not None:
        odds, kind = math.exp(abs(found.calibrated)), "genuine" if found.calibrated >= 0 else "replayed"
        lines.append(f"By dev, such a score is {odds:.1f} times as likely if the recording is {kind} as if it is not.")
    return "\n".join([*lines, "", *(f"- {escape(text)}" for text in (*found.warnings, *notes))])


def _found(one, start):
    """What came of one map, in words: where it lies only if it may be believed."""
    if one.doubts:
        return f"- **{one.method} over {one.axis}**: not trustworthy, {' and '.join(one.doubts)}."
    edges, unit = (one.edges + start, "s") if one.axis == "seconds" else (one.edges / 1000, "kHz")
    ends = [end for n in sorted(one.named) for end in (n, n + 1)]
    ends = [f"{edges[end]:.1f}" for end in ends if ends.count(end) == 1]  # neighbours as one
    named = ", ".join(f"{low} to {high}" for low, high in zip(ends[::2], ends[1::2], strict=True))
    lost = f"without these the answer loses {one.gain:.2f} log-odds more than without as many others"
    return f"- **{one.method} over {one.axis}**: {named} {unit} speak most for the answer; {lost}."


def _of_file(error, path):
    """An error without the folder in which the upload lies here."""
    return escape(str(error).replace(str(path), Path(path).name))


def _picture(figure, text):
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150)
    data = base64.b64encode(content.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(text)}">'
