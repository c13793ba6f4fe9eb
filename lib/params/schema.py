"""Every known setting of the notebooks: rule, default, meaning, unit and source, by group.

A notebook's own parameters cell names what the notebook is about; the other settings that
it takes stand here. A name means the same everywhere, so one rule judges it. A parameter
that no group knows is judged by its annotation: whole numbers from 0, finite numbers.
"""

import difflib
import re
from dataclasses import dataclass
from functools import lru_cache
from operator import le, lt
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from lib.errors import InputError
from lib.params.paths import hide_login

FEATURES = ("spectrogram", "mel", "mfcc", "lfcc", "fft", "stft", "cqcc", "statistics")
AUGMENTATIONS = ("pitch", "crop", "noise", "band", "device", "codec", "room", "rawboost")
LAYOUTS = (  # of params/layouts.yaml
    "asvspoof2017_v2", "asvspoof2017_v1", "asvspoof2019_la", "asvspoof2019_pa", "asvspoof2021_la", "asvspoof2021_pa",
    "asvspoof2021_df", "asvspoof5", "in_the_wild", "fake_or_real", "csv", "folders",
)  # fmt: skip


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


def _pattern(pattern, rule):
    """Text of a pattern, which an error tells as `rule`."""

    def check(text):
        if not re.fullmatch(pattern, text):
            raise _refused(rule)
        return text

    return Annotated[str, AfterValidator(check)]


def _different(values):
    twice = next((value for index, value in enumerate(values) if value in values[:index]), None)
    if twice is not None:
        raise _refused(f"a list without repetitions ({twice} stands twice)")
    return values


def _list(item, least=1):
    return Annotated[list[item], Field(min_length=least), AfterValidator(_different)]


_Whole = Annotated[int, Field(ge=0)]
_Count = Annotated[int, Field(ge=1)]
_Length = Annotated[int, Field(ge=2, le=2**16)]
_Side = Annotated[int, Field(ge=8, le=2048)]
_Seed = Annotated[int, Field(ge=0, lt=2**32)]
_NotNegative = Annotated[float, Field(ge=0)]
_Positive = Annotated[float, Field(gt=0)]
_Rate = Annotated[float, Field(gt=0, le=1)]
_Half = Annotated[float, Field(ge=0, le=0.5)]
_Percent = Annotated[float, Field(gt=0, lt=50)]
_Text = Annotated[str, Field(min_length=1)]
_Place = Annotated[_Text, AfterValidator(hide_login)]  # nothing that is stored holds a password
_Name = _pattern(r"\w[\w.-]{0,99}", "a plain name of at most 100 letters, digits, '.', '_' and '-'")
_Pair = _pattern(
    r"\S+( \S+)? against \S+( \S+)?",
    "RUN against RUN, such as 11_paper_cnn/mfcc_grey against 11_paper_cnn/mfcc",
)
_Run = _pattern(r"\w[\w.-]{0,99}/\w[\w.-]{0,99}", "NOTEBOOK/VARIANT, such as 11_paper_cnn/mfcc")
_Matrix = _pattern(
    rf"({'|'.join(FEATURES)})( [1-9][0-9]*){{3}}",
    "FEATURE N_FFT WIN_LENGTH HOP_LENGTH, such as lfcc 512 320 160",
)
_Feature = _choice(*FEATURES)

_LIBROSA = "not stated in the report; librosa's default"
_BASELINE = "not stated in the report; the ASVspoof 2019 baseline's"


@dataclass(frozen=True)
class Setting:
    """The rule (a type with its range) and the default of a setting, and what it means."""

    rule: object
    default: object
    meaning: str
    unit: str = ""
    source: str = ""


# What every notebook takes.
_CORPUS = {
    "variant": Setting(_Name, "default", "name of this parameter set; with the notebook it names the run"),
    "corpus": Setting(_Name, "demo", "name of the corpus, and of the MLflow experiment"),
    "layout": Setting(_choice(*LAYOUTS), "asvspoof2017_v2", "how the folder is laid out"),
    "data": Setting(_Place, "data/demo", "folder of the corpus, from the project's folder, or its URL"),
    "allow_partial": Setting(bool, False, "use the part that is there when recordings are missing or unusable"),
    "store_url": Setting(_Place, "data/store", "feature store, folder or URL"),
    "jobs": Setting(_Count, 2, "processes that extract"),
}
_AUDIO = {"sr": Setting(_Count, 16_000, "rate that recordings are brought to", "Hz", "the corpus' own rate")}
_FEATURES = {
    **_AUDIO,
    "n_fft": Setting(_Length, 2048, "FFT length", "samples", _LIBROSA),
    "win_length": Setting(_Count, 2048, "length of the window, centred in the FFT", "samples", _LIBROSA),
    "hop_length": Setting(_Count, 512, "step between frames", "samples", _LIBROSA),
    "window": Setting(_choice("hann", "hamming", "blackman", "boxcar"), "hann", "one of scipy's windows", "", _LIBROSA),
    "n_mels": Setting(_Count, 128, "mel bands", "", _LIBROSA),
    "fmin": Setting(_NotNegative, 0.0, "lower end of the bands", "Hz", _LIBROSA),
    "fmax": Setting(_Positive, 8000.0, "upper end of the bands", "Hz", f"{_LIBROSA} (sr / 2)"),
    "n_mfcc": Setting(_Count, 20, "cepstral coefficients of the mel bands", "", _LIBROSA),
    "n_linear": Setting(_Count, 20, "bands of equal width", "", _BASELINE),
    "n_lfcc": Setting(_Count, 20, "cepstral coefficients of the bands of equal width", "", _BASELINE),
    "n_cqcc": Setting(
        Annotated[int, Field(ge=1, le=864)], 30, "constant-Q cepstral coefficients", "", "the ASVspoof 2017 baseline's"
    ),
    "amin": Setting(_Positive, 1e-10, "what smaller powers are raised to before the logarithm", "power", _LIBROSA),
    "top_db": Setting(_Positive, 80.0, "what is further below the maximum is raised to that floor", "dB", _LIBROSA),
}
_SIZE = {"image_size": Setting(_Side, 200, "side of an image", "pixels", "report, Preprocessing")}
GROUPS = {"corpus": _CORPUS, "features": _FEATURES, "images": {**_FEATURES, **_SIZE}, "wav2vec": _AUDIO}

# Parameters that stand in the notebooks' own cells, with default and meaning; here is only what judges them.
_CELLS = (
    (_Seed, "seed"),
    (
        _Count,
        "batch_size epochs steps_per_epoch copies patience mixtures iterations trials intervention_trials recordings "
        "recordings_librosa recordings_drawn repeats passes probe_trials seeds simulations resamples",
    ),
    (_Whole, "head_epochs top_layers top_epochs deltas frames other_devices unfrozen_layers"),
    (_Rate, "learning_rate head_learning_rate top_learning_rate encoder_learning_rate"),
    (_Positive, "batch_seconds gamma penalty strength highest crop_seconds"),
    (_NotNegative, "lowest"),
    (_Half, "smallest_shortcut warm_up"),
    (bool, "refresh_batch_norm ladder attentive attention plain permuted"),
    (_Text, "backbone_weights wav2vec_weights cut"),
    (_Name, "compares planned notebook"),
    (_Feature, "feature"),
    (_choice("magma", "coolwarm", "gray", "viridis"), "colours spectrogram_colours mfcc_colours"),
    (_choice("0.5", "dev-eer"), "threshold"),
    (_choice("0-255", "0-1", "-1-1"), "pixel_range"),
    (_choice("none", "mean", "cmvn"), "normalisation"),
    (_choice("audio", "image", "none"), "augmentation"),
    (_choice("inference", "training"), "batch_norm"),
    (_choice("auto", "float32", "bfloat16"), "precision"),
    (_list(_Feature), "images"),
    (_list(_choice(*AUGMENTATIONS)), "augmentations"),
    (_list(_Matrix, least=0), "matrices"),
    (_Percent, "cluster_eer"),
    (_list(_Percent), "eers"),
    (_list(_Positive), "ratios"),
    (_list(_Text), "only clusters"),
    (_list(_Text, least=0), "corpora genuine"),
    (_list(_Pair), "pairs"),
    (_list(_Run), "fused"),
    (Annotated[list[_Text], Field(min_length=1)], "views more_views"),
)
RULES = {name: rule for rule, names in _CELLS for name in names.split()}
RULES |= {name: setting.rule for group in GROUPS.values() for name, setting in group.items()}
STUDY_FILE = {"corpus": _Name, "runs": _list(_Run), "seeds": _list(_Seed), "set": dict}  # of params/studies
_ANNOTATED = {"int": _Whole, "float": float, "str": str, "bool": bool, "list": list}
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
    "choice": "{rule}",
}


@lru_cache
def _adapter(rule):
    return TypeAdapter(rule, config=ConfigDict(strict=True, allow_inf_nan=False))


def kind(name):
    """Name of a known setting's type, such as ``int``; None for a name that no rule knows."""
    rule = RULES.get(name)
    return rule and getattr(rule, "__origin__", rule).__name__


def judged(name, value, annotation, where, rules=RULES):
    """The value as its type by the name's rule, else by the annotation's (one of `KINDS`), or an InputError.

    Examples
    --------
    >>> judged("learning_rate", 1, "float", "--set")
    1.0
    """
    rule = rules[name] if name in rules else _ANNOTATED[annotation]
    try:
        return _adapter(rule).validate_python(value)
    except ValidationError as refused:
        error = refused.errors(include_url=False)[0]
    context = {key: f"{bound:g}" if isinstance(bound, float) else bound for key, bound in error.get("ctx", {}).items()}
    must, got = _MUST.get(error["type"], "valid").format(**context), error["input"]
    subject = f"each of {name}" if error["loc"] else name
    raise InputError(f"{where}: {subject} must be {must}, got {got!r}{_hint(error['type'], got, context)}")


def judge_together(values, where, places=None):
    """Refuse values (dict) that do not fit one another; `places` has for a name where its value comes from."""
    places = places or {}
    for name, other, rule, keeps in _BETWEEN:
        if name in values and other in values and not keeps(values[name], values[other]):
            place = places.get(name) or places.get(other) or where
            got = f"{values[name]!r} with {other} = {values[other]!r}"
            raise InputError(f"{place}: {name} must be {rule}, got {got}")


def nearest(word, choices):
    """``; did you mean x?`` for the choice that is nearest to a word, or nothing."""
    lower = {str(choice).lower(): choice for choice in choices}
    found = difflib.get_close_matches(str(word).lower(), lower, n=1)
    return f"; did you mean {lower[found[0]]}?" if found else ""


def unknown(word, choices, message):
    """The InputError about a word that is none of the choices: message, choices, and the nearest of them."""
    return InputError(f"{message}; there are {', '.join(choices) or 'none'}{nearest(word, choices)}")


def _hint(rule, got, context):
    if not isinstance(got, str):
        return "; write it in quotes" if rule == "string_type" and isinstance(got, (int, float)) else ""
    if rule == "choice":
        return nearest(got, context["choices"])
    if rule not in ("int_type", "float_type") or not re.match(r"[-+]?\.?\d", got):
        return ""
    return " (text); write it as a decimal number without quotes, such as 12 or 1.0e-4"
