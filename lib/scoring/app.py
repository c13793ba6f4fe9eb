"""One page on this machine: a recording of one's own, and what a trained run answers.

It is served to this machine alone and asks nothing of any other. Only files that were uploaded here are read, no path
and no address of the browser's choosing; they are removed when the page is stopped.
"""

import math
from functools import partial
from html import escape
from pathlib import Path

import gradio as gr

from lib import audio
from lib.errors import InputError
from lib.metrics.tables import with_interval
from lib.plots import signals
from lib.plots.evaluation import score_histogram
from lib.scoring.explanations import explain

MEGABYTES = 100  # of an upload, at most
MINUTES = 20.0  # of a recording, at most
SECONDS = 20.0  # of it that are explained, at most: each part of it is held in memory
_CSS = """
.answer h2 {font-size: 2rem; margin: 0}
.picture img {width: 100%; max-width: 36rem; background: white; margin: auto}
.gradio-container {max-width: min(52rem, 100vw) !important; margin: auto}
"""


def told(judge, tell, path):
    """Words and pictures that `answer` or `explanation` makes of an uploaded file (None: cleared)."""
    if path is None:
        return "Drop or record something first.", ""
    try:
        seconds = audio.duration(path)
        if seconds > 60 * MINUTES:
            raise InputError(f"{path}: lasts {seconds / 60:.1f} minutes: must last at most {MINUTES:.0f}")
        return tell(judge, *audio.read(path, sr=judge.system.sr))
    except InputError as error:
        return f"## cannot be used\n{escape(str(error).replace(str(path), Path(path).name))}", ""


def answer(judge, y, notes):
    """What the run says of a recording at its rate, and pictures of both."""
    found = judge.answer(y, judge.system.sr)
    lines = [
        f"## {found.label}{f': {found.reason}' if found.reason else ''}",
        f"Score **{found.score:.2f}**; higher is more genuine.",
    ]
    if found.calibrated is not None:
        odds, kind = math.exp(abs(found.calibrated)), "genuine" if found.calibrated >= 0 else "replayed"
        lines.append(
            f"By dev, such a score is about {odds:.2g} times as likely if the recording is {kind} as if it is not."
        )
    lines += ["", *(f"- {escape(text)}" for text in (*found.warnings, *notes))]
    here = {"score": found.score, "borders": judge.borders}
    scores, labels, title = judge.dev["score"], judge.dev["label"], "among the scores of dev"
    scale = score_histogram(scores, labels, judge.run.threshold, title, **here)
    views = signals.views(y, judge.system.sr, found.windows, judge.borders)
    return "\n".join(lines), scale.html() + views.html()


def explanation(judge, y, _):
    """Where the run decided; of a long recording within the window that supports the answer most."""
    sr, start, seconds = judge.system.sr, 0.0, SECONDS
    if judge.is_long(y):
        found, seconds = judge.answer(y, sr), judge.known["seconds"]
        side = 1 if found.score >= judge.run.threshold else -1
        start = max(found.windows, key=lambda one: side * one["score"])["start"]
    y = y[round(start * sr) :][: round(seconds * sr)]
    maps = explain(judge.system, y)
    lines = [f"Of the {len(y) / sr:.1f} s from {start:.1f} s on:"]
    for one in maps:
        if one.doubts:
            lines.append(f"- **{one.method} over {one.axis}**: not trustworthy, {' and '.join(one.doubts)}.")
            continue
        edges, unit = (one.edges + start, "s") if one.axis == "seconds" else (one.edges / 1000, "kHz")
        ends = [end for n in sorted(one.named) for end in (n, n + 1)]
        ends = [f"{edges[end]:.1f}" for end in ends if ends.count(end) == 1]  # neighbours as one
        named = ", ".join(f"{low} to {high}" for low, high in zip(ends[::2], ends[1::2], strict=True))
        lost = f"without these the score turns {one.gain:.2f} further to the other label than without as many others"
        lines.append(f"- **{one.method} over {one.axis}**: {named} {unit} support the label most; {lost}.")
    return "\n".join(lines), signals.explained(y, sr, maps, start).html()


def blocks(judge):
    """The page as Gradio's blocks."""
    run, known = judge.run, "\n".join(f"- {escape(text)}" for text in judge.caveats)
    with gr.Blocks(title="Genuine or replayed?", analytics_enabled=False) as made:
        gr.Markdown(
            f"# Genuine or replayed?\nDrop a recording of speech here, or record one: at most {MEGABYTES} MB and "
            f"{MINUTES:.0f} minutes. It is brought to {judge.system.sr / 1000:g} kHz."
        )
        recording = gr.Audio(
            sources=["upload", "microphone"], type="filepath", label="recording", editable=False, buttons=[]
        )
        recording.async_move_resource_to_block_cache = _uploaded(recording.async_move_resource_to_block_cache)
        words, pictures = gr.Markdown(elem_classes="answer"), gr.HTML(elem_classes="picture")
        ask = gr.Button("Where did it decide?")
        gr.Markdown("That scores 70 to 170 changed copies of the recording: seconds for most runs, minutes for some.")
        where, maps = gr.Markdown(), gr.HTML(elem_classes="picture")
        gr.Markdown(
            f"## Which run scores it, and what is known of it\nRun **{run.name}**, seed {run.tags.get('seed', '-')}, "
            f"id `{run.run_id}`, on corpus **{run.corpus}**: EER on dev {with_interval(run.metrics, 'dev/eer')} %, "
            f"threshold {run.threshold:.3g} ({run.threshold_source}).\n\n{known}"
        )
        alone = {"concurrency_id": "run", "concurrency_limit": 1}  # an explanation shuffles the weights for a while
        asked = recording.change(partial(told, judge, answer), recording, [words, pictures], api_name="answer", **alone)
        asked.then(lambda: ("", ""), None, [where, maps], api_visibility="private")
        ask.click(partial(told, judge, explanation), recording, [where, maps], api_name="explanation", **alone)
    return made.queue(max_size=8)


def _uploaded(kept):
    """Gradio's own step for the file that a browser names, without addresses, which it would fetch."""

    async def only_uploads(place):
        if "://" in str(place):
            raise gr.Error("a recording must be uploaded: no address is fetched", print_exception=False)
        return await kept(place)

    return only_uploads


def launch(made, host, port):
    """Serve the blocks at this address and nowhere else, and return what Gradio's `launch` does."""
    theme = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"])  # none from elsewhere
    return made.launch(
        server_name=host, server_port=port, share=False, inbrowser=False, quiet=True, ssr_mode=False, pwa=False,
        mcp_server=False, allowed_paths=[], max_file_size=MEGABYTES * 10**6, footer_links=[], theme=theme, css=_CSS,
        prevent_thread_lock=True,
    )  # fmt: skip
