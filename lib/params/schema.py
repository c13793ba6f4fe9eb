"""Every known setting of the notebooks: type, range, unit, meaning, source and default, by group.

A notebook's own parameters cell names what the notebook is about; the other settings that
it takes stand here. A name means the same everywhere, whichever group or cell it comes
from, so it is judged by one rule. A parameter that no group knows (a notebook's own) is
judged by its annotation: whole numbers from 0, finite numbers.
"""

import difflib
import re
from operator import le, lt
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from lib.errors import InputError

FEATURES = ("spectrogram", "mel", "mfcc", "lfcc", "fft", "stft")
_COLORMAPS = ("magma", "coolwarm", "viridis")
_WINDOWS = ("hann", "hamming", "blackman", "boxcar")


def _refused(rule, choices=()):
    return PydanticCustomError("choice", "", {"rule": rule, "choices": list(choices)})


def _choice(*choices):
    """Text that is one of a few; a number may be written without quotes."""

    def check(value):
        text = str(value) if isinstance(value, (int, float)) else value
        if text not in choices:
            raise _refused(f"one of {', '.join(choices)}", choices)
        return text

    return Annotated[str, BeforeValidator(check)]


def _colormap(name):
    """A colormap of matplotlib, which is asked (0.1 s) about others than the usual ones only."""
    if name not in _COLORMAPS:
        from matplotlib import colormaps

        if name not in colormaps:
            raise _refused("a colormap of matplotlib", colormaps)
    return name


def _window(name):
    """A window of scipy, which is asked (0.5 s) about others than the usual ones only."""
    if name not in _WINDOWS and not _is_window(name):
        from scipy.signal import windows

        raise _refused("a window of scipy that needs no further value", filter(_is_window, windows.__all__))
    return name


def _is_window(name):
    from scipy.signal import get_window

    try:
        return name.isidentifier() and len(get_window(name, 8)) == 8
    except ValueError:
        return False


def _run(name):
    """NOTEBOOK/VARIANT, two plain names."""
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", name):
        raise _refused("NOTEBOOK/VARIANT, such as 11_paper_cnn/mfcc")
    return name


def _matrix(text):
    """A feature and the lengths of its frames, n_fft, win_length and hop_length."""
    feature, *lengths = text.split(" ")
    if feature not in FEATURES or len(lengths) != 3 or not all(re.fullmatch("[1-9][0-9]*", n) for n in lengths):
        raise _refused("FEATURE N_FFT WIN_LENGTH HOP_LENGTH, such as lfcc 512 320 160")
    return text


def _different(values):
    twice = next((value for index, value in enumerate(values) if value in values[:index]), None)
    if twice is not None:
        raise _refused(f"a list without repetitions ({twice} stands twice)")
    return values


def _list(item, least=1):
    return Annotated[list[item], Field(min_length=least), AfterValidator(_different)]


Whole = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Side = Annotated[int, Field(ge=8, le=2048)]
NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Rate = Annotated[float, Field(gt=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]
Feature = _choice(*FEATURES)
Colours = Annotated[Text, AfterValidator(_colormap)]
_STRICT = ConfigDict(strict=True, allow_inf_nan=False)


def _about(default, meaning, unit="", source=""):
    return Field(default, description=meaning, json_schema_extra={"unit": unit, "source": source})


class Group(BaseModel):
    """Settings that a notebook takes together."""

    model_config = _STRICT | ConfigDict(validate_assignment=True, defer_build=True)


class Corpus(Group):
    """Which recordings, and where they and what is made of them are kept."""

    variant: Name = _about("default", "name of this parameter set; with the notebook it names the run")
    corpus: Name = _about("demo", "name of the corpus, and of the MLflow experiment")
    layout: _choice("asvspoof2017_v2") = _about("asvspoof2017_v2", "how the folder is laid out")
    data: Text = _about("data/demo", "folder of the corpus, from the project's folder, or its URL")
    allow_partial: bool = _about(False, "use the part that is there when recordings are missing or unusable")
    store_url: Text = _about("data/store", "feature store, folder or URL")
    jobs: Count = _about(2, "processes that extract")


class _Audio(Group):
    sr: Count = _about(16_000, "rate that recordings are brought to", "Hz", "the corpus' own rate")


_LIBROSA = "not stated in the report; librosa's default"
_OURS = "not stated in the report"
_BASELINE = "not stated in the report; the ASVspoof 2019 baseline's"


class Features(_Audio):
    """Analysis of the recordings."""

    n_fft: Annotated[int, Field(ge=2)] = _about(2048, "FFT length", "samples", _LIBROSA)
    win_length: Count = _about(2048, "length of the window, centred in the FFT", "samples", _LIBROSA)
    hop_length: Count = _about(512, "step between frames", "samples", _LIBROSA)
    window: Annotated[Text, AfterValidator(_window)] = _about("hann", "one of scipy's windows", "", _LIBROSA)
    n_mels: Count = _about(128, "mel bands", "", _LIBROSA)
    fmin: NotNegative = _about(0.0, "lower end of the bands", "Hz", _LIBROSA)
    fmax: Positive = _about(8000.0, "upper end of the bands", "Hz", f"{_LIBROSA} (sr / 2)")
    n_mfcc: Count = _about(20, "cepstral coefficients of the mel bands", "", _LIBROSA)
    n_linear: Count = _about(20, "bands of equal width", "", _BASELINE)
    n_lfcc: Count = _about(20, "cepstral coefficients of the bands of equal width", "", _BASELINE)
    amin: Positive = _about(1e-10, "what smaller powers are raised to before the logarithm", "power", _LIBROSA)
    top_db: Positive = _about(80.0, "what is further below the maximum is raised to that floor", "dB", _LIBROSA)


class Images(Features):
    """Images of features, with their analysis."""

    image_size: Side = _about(200, "side of an image", "pixels", "report, Preprocessing")


class Input(Group):
    """What a system sees of a recording."""

    feature: Feature = _about("spectrogram", "feature that the system sees")
    images: _list(Feature) = _about(["spectrogram", "mel", "mfcc", "fft", "stft"], "features made as images")
    matrices: _list(Annotated[str, AfterValidator(_matrix)], least=0) = _about(
        [], "features made as numbers: name, n_fft, win_length, hop_length", "samples"
    )
    colours: Colours = _about("magma", "matplotlib colormap", "", f"{_OURS}; librosa's for one-signed data")
    spectrogram_colours: Colours = _about("magma", "colormap of spectrograms", "", f"{_OURS}; librosa's")
    mfcc_colours: Colours = _about("coolwarm", "colormap of MFCC", "", f"{_OURS}; librosa's")
    pixel_range: _choice("0-255", "0-1", "-1-1") = _about("0-255", "how 0 to 255 reaches the system", "", _OURS)
    normalisation: _choice("none", "mean", "cmvn") = _about("none", "of a matrix, over the frames of a recording")
    deltas: Whole = _about(0, "reach of the slopes of first and second order; 0 for none", "frames")
    frames: Whole = _about(0, "that a matrix is repeated or cut to; 0 keeps it whole", "frames")


class _Fit(Group):
    seed: Seed = _about(0, "decides first weights and the order of batches")
    batch_size: Count = _about(32, "trials in a batch", "", f"{_OURS}; Keras' default")
    threshold: _choice("0.5", "dev-eer") = _about("0.5", "probability 0.5 as in the report, or dev-eer")


class Training(_Fit):
    """Training of a network from its first weights."""

    epochs: Count = _about(30, "passes of steps_per_epoch batches", "", "report, Training Setup")
    steps_per_epoch: Count = _about(8, "batches", "", "report, Training Setup")
    learning_rate: Rate = _about(0.001, "Adam", "", f"{_OURS}; Keras' default")


class Transfer(_Fit):
    """Training on a backbone with given weights, in two phases."""

    backbone_weights: Text = _about("imagenet", "imagenet, random or a file", "", "report, Model Architecture")
    augmentation: _choice("audio", "image", "none") = _about("audio", "of training trials; image is the report's")
    copies: Count = _about(4, "changed copies of each training trial, the first unchanged", "", _OURS)
    batch_norm: _choice("inference", "training") = _about("inference", "of the backbone in training", "", _OURS)
    head_epochs: Whole = _about(50, "at most, in phase one", "", "report, Phase 1")
    head_learning_rate: Rate = _about(0.0001, "Adam, in phase one", "", "report, Phase 1")
    top_layers: Whole = _about(20, "layers of the backbone that phase two trains", "", "report, Phase 2")
    top_epochs: Whole = _about(20, "at most, in phase two", "", "report, Phase 2")
    top_learning_rate: Rate = _about(0.00001, "Adam, in phase two", "", "report, Phase 2")
    cut: Text = _about("block_14_add", "layer below which nothing is trained; its outputs are kept")
    patience: Count = _about(5, "epochs without a lower dev loss", "", "report, Phase 1")


class Mixtures(Group):
    """Fitting of Gaussian mixtures, one a label."""

    mixtures: Count = _about(64, "Gaussians a label; the baseline of ASVspoof 2017 has 512")
    iterations: Count = _about(30, "of expectation-maximisation, at most")


class Wav2vec(_Audio):
    """Embeddings of wav2vec 2.0."""

    wav2vec_weights: Text = _about("random", "hub name, folder, or random (small and untrained)", "", _OURS)
    precision: _choice("auto", "float32", "bfloat16") = _about("auto", "of the encoder", "", _OURS)
    batch_seconds: Positive = _about(10.0, "padded audio in a batch at most", "s", _OURS)


class Repairs(Group):
    """Repairs of a collapsed training."""

    refresh_batch_norm: bool = _about(False, "set the moving statistics forward-only after training")
    ladder: bool = _about(False, "also train as reported, and show what each repair did")


class Questions(Group):
    """What pages over a corpus, or over a study's runs, ask."""

    compares: Name = _about("demo", "study whose runs are read")
    only: _list(Text) = _about(["*"], "patterns of run names, such as 14_*")
    trials: Count = _about(100, "dev trials of each label that are changed, at most")
    intervention_trials: Count = _about(200, "eval trials of each label that interventions change, at most")
    smallest_shortcut: Annotated[float, Field(ge=0, le=0.5)] = _about(0.1, "distance of an AUC from 0.5 that counts")


class Bench(Group):
    """What benchmarks time."""

    recordings: Count = _about(256, "how many are timed, at most")
    recordings_librosa: Count = _about(128, "of these, for librosa's features")
    recordings_drawn: Count = _about(8, "of these, for figures")
    repeats: Count = _about(3, "rounds")
    passes: Count = _about(8, "over the images, where they are only fed")
    planned: Name = _about("report", "study that is planned")
    notebook: Name = _about("11_paper_cnn", "notebook whose imports are timed")


class StudyFile(Group):
    """The keys of a file of params/studies."""

    corpus: Name = Field()
    runs: _list(Annotated[str, AfterValidator(_run)]) = Field()
    seeds: _list(Seed) = Field([0])
    set: dict = Field({})


GROUPS = {
    group.__name__.lower(): group
    for group in (Corpus, Features, Images, Input, Training, Transfer, Mixtures, Wav2vec, Repairs, Questions, Bench)
}
_OWNER = {name: group for group in reversed(GROUPS.values()) for name in group.model_fields}
_ANNOTATED = {"int": Whole, "float": float, "str": str, "bool": bool, "list": list}
KINDS = tuple(_ANNOTATED)

# A setting, another one, the rule between them, and whether two values keep it.
_BETWEEN = (
    ("fmin", "fmax", "below fmax", lt),
    ("fmax", "sr", "at most sr / 2", lambda fmax, sr: fmax <= sr / 2),
    ("win_length", "n_fft", "at most n_fft", le),
    ("n_mfcc", "n_mels", "at most n_mels", le),
    ("n_lfcc", "n_linear", "at most n_linear", le),
)

_MUST = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "greater_than_equal": "at least {ge}",
    "greater_than": "above {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "below {lt}",
    "string_too_short": "text that is not empty",
    "too_short": "a list that is not empty",
    "string_pattern_mismatch": "a plain name of letters, digits, '.', '_' and '-'",
    "choice": "{rule}",
}


def kind(name):
    """Name of a known setting's type, such as ``int``; None for a name that no group knows."""
    if name in _OWNER:
        annotation = _OWNER[name].model_fields[name].annotation
        return getattr(annotation, "__origin__", annotation).__name__


def judged(name, value, annotation, where, group=None):
    """The value by its setting's rule, as its type; or an InputError that names place, setting, rule and value.

    Without `group` the rule is that of the group which knows the name, else of the `annotation`, one of `KINDS`.

    Examples
    --------
    >>> judged("learning_rate", 1, "float", "--set")
    1.0
    """
    group = group or _OWNER.get(name)
    try:
        if group is None:
            return TypeAdapter(_ANNOTATED[annotation], config=_STRICT).validate_python(value)
        draft = group.model_construct()
        setattr(draft, name, value)
        return getattr(draft, name)
    except ValidationError as refused:
        error = refused.errors(include_url=False)[0]
    context = {key: f"{bound:g}" if isinstance(bound, float) else bound for key, bound in error.get("ctx", {}).items()}
    rule, got = _MUST.get(error["type"], "valid").format(**context), error["input"]
    subject = f"each of {name}" if len(error["loc"]) > 1 else name
    raise InputError(f"{where}: {subject} must be {rule}, got {got!r}{_hint(error['type'], got, context)}")


def judge_together(values, notebook, places):
    """Refuse values (dict) that do not fit one another; `places` has for a name where its value comes from."""
    for name, other, rule, keeps in _BETWEEN:
        if name in values and other in values and not keeps(values[name], values[other]):
            place = places.get(name) or places.get(other) or notebook
            got = f"{values[name]!r} with {other} = {values[other]!r}"
            raise InputError(f"{place}: {name} must be {rule}, got {got}")


def nearest(word, choices):
    """``; did you mean x?`` for the choice that is nearest to a word, or nothing."""
    lower = {str(choice).lower(): choice for choice in choices}
    found = difflib.get_close_matches(str(word).lower(), lower, n=1)
    return f"; did you mean {lower[found[0]]}?" if found else ""


def _hint(rule, got, context):
    if not isinstance(got, str):
        return "; write it in quotes" if rule == "string_type" and isinstance(got, (int, float)) else ""
    if rule == "choice":
        return nearest(got, context["choices"])
    if rule not in ("int_type", "float_type") or not re.match(r"[-+]?\.?\d", got):
        return ""
    return " (text); write it as a decimal number without quotes, such as 12 or 1.0e-4"
