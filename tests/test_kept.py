"""Fits that are kept: found again by what decides them, and made again when anything of it changed."""

import functools
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from networks import built, small_backbone
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from skops import io
from test_store import SETTINGS

from lib import study
from lib.corpus import SPLITS
from lib.errors import InputError
from lib.files import places
from lib.inputs import Image, Matrix, opened
from lib.params import ROOT, identity
from lib.systems import kept, training, wrapped
from lib.systems.backend import keras
from lib.systems.estimators import Estimator, Mixtures
from lib.systems.networks import Network, Refreshed
from lib.systems.transfer import Transfer
from lib.tracking import runs

HOW = {"epochs": 2, "steps_per_epoch": 3, "batch_size": 8, "learning_rate": 0.01}
PHASES = {  # with these, each phase is stopped early and its best weights are restored
    "cut": "block_15_add", "copies": 2, "batch_size": 8, "patience": 2, "head_epochs": 8, "head_learning_rate": 0.1,
    "top_layers": 4, "top_epochs": 6, "top_learning_rate": 0.01,
}  # fmt: skip


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """A feature store that the tests share; each keeps its fits in a folder of its own."""
    return str(tmp_path_factory.mktemp("features"))


@pytest.fixture(scope="module")
def images(corpus, features):
    return opened([Image("spectrogram", "magma", "0-1", 24, SETTINGS)], corpus, store_url=features, jobs=1)


@pytest.fixture(scope="module")
def matrices(corpus, features):
    return opened([Matrix("mfcc", settings=SETTINGS)], corpus, store_url=features, jobs=1)


@pytest.fixture(autouse=True)
def states(tmp_path, monkeypatch):
    """States of fits under way do not go into the project's data folder."""
    monkeypatch.setattr(kept, "STATES", tmp_path / "states")
    monkeypatch.delenv(kept.FORCE, raising=False)
    return tmp_path / "states"


def small(seed=0, *, units=6, size=24):
    """A network with all that has a state: dropout, batch normalisation."""
    training.prepare(seed)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((size, size, 3)),
            layers.Conv2D(4, 3, strides=2, activation="relu"),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(units, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(1),
        ]
    )


@pytest.fixture
def place(tmp_path):
    return str(tmp_path / "store")


def fit(system, fed, place, *, seed=0, on_epoch=None, scored=True, **changes):
    system = wrapped(system)
    how = ({} if isinstance(system, (Estimator, Mixtures)) else HOW) | changes
    return kept.fit(system, fed, how, seed=seed, store=place, on_epoch=on_epoch, scored=scored)


def refreshed(fitted, fed, place):
    return kept.fit(Refreshed(fitted), fed, {"batch_size": 8}, seed=0, store=place)


def count_fits(monkeypatch, kind=Network):
    """The fits that are made from here on."""
    made, real = [], kind.fit

    def counted(self, *args, **how):
        made.append(self)
        return real(self, *args, **how)

    monkeypatch.setattr(kind, "fit", counted)
    return made


def same(one, two):
    """Whether two fits have the same numbers, bit for bit."""
    assert one.scores.keys() == two.scores.keys()
    if any(one.scores[name].tobytes() != two.scores[name].tobytes() for name in one.scores):
        return False
    if one.history is None or two.history is None:
        return one.history is two.history
    return one.history.equals(two.history)


# -- found again ---------------------------------------------------------------------------


def test_fit_again_is_found_bit_for_bit_and_nothing_is_trained(images, place, monkeypatch):
    made = count_fits(monkeypatch)
    first = fit(small(), images, place)
    second = fit(small(), images, place)
    assert len(made) == 1
    assert (first.found, second.found) == (False, True)
    assert first.key == second.key
    assert same(first, second)
    assert first.history.shape == (2, 4) and first.history.index.tolist() == [1, 2]
    assert first.scores.keys() == {*SPLITS, "train_batch", "dev_batch"}
    assert first.about["seconds"] == second.about["seconds"] > 0


def test_fit_has_scores_added_when_they_are_asked_for(images, place, tmp_path, monkeypatch):
    made = count_fits(monkeypatch)
    part = fit(small(), images, place, scored=False)
    assert part.scores == {}
    whole = fit(small(), images, place)
    assert len(made) == 1 and (part.found, whole.found) == (False, True)
    assert same(whole, fit(small(), images, str(tmp_path / "other")))
    assert fit(small(), images, place, scored=False).scores.keys() == whole.scores.keys()


def test_run_that_refreshes_scores_what_it_refreshed_and_nothing_before(images, place, corpus, tracking, monkeypatch):
    passes, scores = [], Network.scores
    monkeypatch.setattr(Network, "scores", lambda *given: passes.append(given[2]) or scores(*given))
    settings = {"corpus": "tiny", "variant": "cured", "seed": 0, "store_url": place}
    record = runs.start("13_modified_cnn", settings, corpus_digest=corpus.digest)
    run = study.Run("13_modified_cnn/cured", settings, corpus, record, "none", [])
    refreshed = run.fit(small(), images, refresh_batch_norm=True, **HOW)
    assert passes == list(SPLITS)
    assert [*record.known.tags["fits"].split()][1:] == [refreshed.key]
    assert set(record.known.tags["fits"].split()) == {entry["key"] for entry in kept.listing(place)}  # none is unused


def test_fit_is_the_fit_of_the_system_itself(images, place):
    found = fit(small(), images, place)
    plain = Network(small())
    history = plain.fit(images, seed=0, **HOW)
    assert found.history.equals(history)
    for split in SPLITS:
        np.testing.assert_array_equal(found.scores[split], plain.scores(images, split))
        np.testing.assert_array_equal(found.system.scores(images, split), found.scores[split])
    for name, scores in plain.batch_scores(images, seed=0, batch_size=8).items():
        np.testing.assert_array_equal(found.scores[name], scores)


def test_fit_of_a_run_has_the_runs_seed_unless_another_is_given(corpus, matrices, place, tracking):
    settings = {"corpus": "tiny", "variant": "one", "seed": 3, "store_url": place}
    record = runs.start("21_gmm", settings, corpus_digest=corpus.digest)
    run = study.Run("21_gmm/one", settings, corpus, record, "none", [])
    mixture = Mixtures(GaussianMixture(2, covariance_type="diag"))
    assert run.fit(mixture, matrices).about["arguments"]["seed"] == 3
    first = run.fit(mixture, matrices, seed=4)
    assert first.key == fit(mixture, matrices, place, seed=4).key
    assert first.key in record.known.tags["fits"].split()


def test_fit_leaves_the_notebooks_model_with_its_first_weights(images, place):
    model = small()
    before = [variable.numpy() for variable in model.variables]
    first = fit(model, images, place)
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())
    other = fit(model, images, place, epochs=1)
    assert (first.found, other.found, fit(model, images, place).found) == (False, False, True)
    assert other.history.equals(first.history[:1])


def test_fit_does_not_depend_on_what_was_drawn_before(images, place, tmp_path):
    """Keras' global seed would decide the order of trials, and no key holds it."""
    first = fit(small(), images, place)
    model = small()
    keras.utils.set_random_seed(99)
    np.random.default_rng().normal()
    other = fit(model, images, str(tmp_path / "another"))
    assert not other.found and other.key == first.key
    assert same(first, other)


def test_on_epoch_is_told_while_a_fit_is_made(images, place):
    told = []
    fit(small(), images, place, on_epoch=lambda epoch, values: told.append(epoch))
    fit(small(), images, place, on_epoch=lambda epoch, values: told.append(epoch))
    assert told == [1, 2]


def test_force_makes_a_fit_anew(images, place, monkeypatch):
    made = count_fits(monkeypatch)
    first = fit(small(), images, place)
    monkeypatch.setenv(kept.FORCE, "1")
    second = fit(small(), images, place)
    assert len(made) == 2 and not second.found
    assert first.key == second.key and same(first, second)


def test_listing_names_every_fit_with_what_it_stands_for(images, place):
    first, second = fit(small(), images, place), fit(small(), images, place, epochs=1)
    found = {entry["key"]: entry for entry in kept.listing(place)}
    assert found.keys() == {first.key, second.key}
    assert found[second.key]["about"]["arguments"]["epochs"] == 1
    assert all(entry["bytes"] > 1000 and entry["place"].endswith(f"/fits/{key}.zip") for key, entry in found.items())


# -- keys ----------------------------------------------------------------------------------


@pytest.fixture
def key_of(monkeypatch, tmp_path):
    """The key of a fit, without the fit."""

    class Stopped(Exception):
        pass

    def stop(place):
        raise Stopped(place.rpartition("/")[2].removesuffix(".zip"))

    monkeypatch.setattr(kept, "read", stop)

    def key(system, fed, **how):
        with pytest.raises(Stopped) as stopped:
            fit(system, fed, str(tmp_path), **how)
        return str(stopped.value)

    return key


def test_key_follows_network_seed_arguments_and_inputs(images, matrices, key_of):
    model = small()
    found = {"plain": key_of(model, images)}
    assert key_of(small(), images) == found["plain"] == key_of(model, images.changed())
    found["first weights"] = key_of(small(1), images)
    weights = model.get_weights()
    weights[0][0, 0, 0, 0] += np.float32(1e-6)
    model.set_weights(weights)
    found["one changed weight"] = key_of(model, images)
    found["another layer"] = key_of(small(units=7), images)
    with_rate = small()
    with_rate.layers[4].rate = 0.25
    found["another dropout"] = key_of(with_rate, images)
    frozen = small()
    frozen.layers[0].trainable = False
    found["a frozen layer"] = key_of(frozen, images)
    found["seed"] = key_of(small(), images, seed=1)
    for name, value in {"epochs": 3, "steps_per_epoch": 4, "batch_size": 9, "learning_rate": 0.02}.items():
        found[name] = key_of(small(), images, **{name: value})
    for name, value in {"pixel_range": "-1-1", "colours": "gray", "augmentation": "audio"}.items():
        found[name] = key_of(small(), images.changed(**{name: value}))
    found["seed of the augmentation"] = key_of(small(), images.changed(augmentation="audio", seed=1))
    found["features"] = key_of(Mixtures(GaussianMixture()), matrices)
    assert len(set(found.values())) == len(found)


def test_key_follows_the_code_of_a_users_own_layer(images, key_of):
    def with_layer(call):
        layer = type("Own", (keras.layers.Layer,), {"call": call})()
        training.prepare(0)
        return keras.Sequential([keras.Input((24, 24, 3)), layer, keras.layers.Flatten(), keras.layers.Dense(1)])

    calls = (lambda self, x: x + 1, lambda self, x: x + 2, lambda self, x: x * 2)
    found = [key_of(with_layer(call), images) for call in calls]
    assert len(set(found)) == 3
    assert found == [key_of(with_layer(call), images) for call in calls]


def test_key_does_not_follow_names_that_keras_counts_up(images, key_of):
    first = key_of(small(), images)
    keras.Sequential([keras.layers.Dense(1), keras.layers.Dropout(0.1)])
    assert key_of(small(), images) == first


def test_key_follows_the_content_of_a_weights_file_not_its_name(images, key_of, tmp_path):
    def saved(name, change=0.0):
        found = built("14_mobilenet", backbone_weights="random", image_size=32)
        layer = found.base.get_layer("Conv_1_bn")
        layer.moving_mean.assign(np.full(1280, change))
        found.base.save_weights(tmp_path / name)
        return str(tmp_path / name)

    def key(file):
        found = built("14_mobilenet", backbone_weights=file, image_size=32)
        return key_of(Transfer(found.model, backbones=[found.base.name], head="dense"), images, **PHASES)

    first = key(saved("a.weights.h5"))
    shutil.copy(tmp_path / "a.weights.h5", tmp_path / "b.weights.h5")
    assert key(str(tmp_path / "b.weights.h5")) == first
    saved("a.weights.h5", change=1.0)
    assert key(str(tmp_path / "a.weights.h5")) != first


@pytest.mark.parametrize("how", ["batch_norm", "untrained", "frozen now"])
def test_key_of_a_transfer_follows_its_batch_norm_but_not_what_is_frozen_now(images, key_of, how):
    found = built("14_mobilenet", backbone_weights="random", image_size=32)
    parts = {"backbones": [found.base.name], "head": "dense"}
    first = key_of(Transfer(found.model, **parts), images, **PHASES)
    if how == "frozen now":
        found.base.trainable = False
        assert key_of(Transfer(found.model, **parts), images, **PHASES) == first
    else:
        change = {"batch_norm": "training"} if how == "batch_norm" else {"untrained": True}
        assert key_of(Transfer(found.model, **parts, **change), images, **PHASES) != first


SYSTEMS = {
    "network": (small, "tensorflow keras numpy scipy librosa soundfile"),
    "mixtures": (lambda: Mixtures(GaussianMixture()), "scikit-learn numpy scipy librosa soundfile"),
    "estimator": (lambda: Estimator(LogisticRegression()), "scikit-learn numpy scipy librosa soundfile"),
}


@pytest.mark.parametrize("kind", SYSTEMS)
def test_key_follows_the_libraries_that_compute_and_none_that_draws_or_records(images, key_of, monkeypatch, kind):
    build, names = SYSTEMS[kind]
    before, asked = key_of(build(), images), set()
    monkeypatch.setattr(identity, "versions", lambda *names: asked.update(names) or dict.fromkeys(names, "0"))
    assert key_of(build(), images) != before
    assert asked == set(names.split())


def test_key_follows_the_code_of_the_rooms_that_compute_and_no_other(images, key_of, monkeypatch):
    before, asked = key_of(small(), images), []
    monkeypatch.setattr(identity, "code_digest", lambda *rooms: asked.extend(rooms) or "other code")
    assert key_of(small(), images) != before
    counted = {file.relative_to(ROOT / "lib").as_posix() for room in asked for file in identity.code_files(room)}
    assert {name.split("/")[0] for name in counted} == {"audio", "corpus", "features", "files", "inputs.py", "systems"}
    assert counted >= {"audio/reading.py", "features/encoder.py", "systems/networks.py", "systems/estimators.py"}


def test_digest_of_code_follows_what_it_does_and_no_docstring_comment_or_layout(tmp_path, monkeypatch):
    file = tmp_path / "lib" / "systems" / "training.py"
    file.parent.mkdir(parents=True)
    monkeypatch.setattr(identity, "ROOT", tmp_path)
    found = []
    for text in (
        '"""What it is for."""\nimport json\n\n\ndef fit():\n    """Fit."""\n    return json\n',
        '"""Other words."""\nimport json  # prose\n\n# more\ndef fit():\n    return (\n        json\n    )\n',
        "import json\n\n\ndef fit():\n    return None\n",
    ):
        file.write_text(text, encoding="utf-8")
        found.append(identity.code_digest.__wrapped__("systems"))  # without what it remembers
    assert found[0] == found[1] != found[2]


# -- damage --------------------------------------------------------------------------------


def test_damaged_fit_is_made_again(images, place, monkeypatch):
    made = count_fits(monkeypatch)
    first = fit(small(), images, place)
    (entry,) = kept.listing(place)
    with open(entry["place"], "rb") as file:
        whole = file.read()
    with zipfile.ZipFile(entry["place"]) as parts:
        middles = [info.header_offset + 60 + info.file_size // 2 for info in parts.infolist()]
    damaged = [whole[:-1], whole[: len(whole) // 2], b"", b"\0" * len(whole)]
    damaged += [whole[:k] + b"\0" * 200 + whole[k + 200 :] for k in (0, *middles, len(whole) - 300)]
    for content in damaged:
        with open(entry["place"], "wb") as file:
            file.write(content)
        assert kept.read(entry["place"]) is None
    again = fit(small(), images, place)
    assert len(made) == 2 and not again.found
    assert same(first, again)
    assert fit(small(), images, place).found


def test_fit_at_a_place_that_falls_silent_is_neither_made_again_nor_removed(images, place, monkeypatch):
    def silent(_):
        raise places.Unreachable("gone")

    fitted = fit(small(), images, place)
    with monkeypatch.context() as patched:
        patched.setattr(places, "read", silent)
        with pytest.raises(places.Unreachable):
            fit(small(), images, place)
    with monkeypatch.context() as patched:  # or falls silent when it has just been made
        patched.setattr(places, "read", lambda file: silent(file) if places.exists(file) else Path(file).read_bytes())
        with pytest.raises(places.Unreachable):
            fit(small(1), images, place)
    assert {fitted.key, fit(small(1), images, place).key} == {entry["key"] for entry in kept.listing(place)}
    assert fit(small(1), images, place).found


def test_fit_of_another_key_is_not_taken_and_said(images, place, capsys):
    first, other = fit(small(), images, place), fit(small(), images, place, epochs=1)
    places = {entry["key"]: entry["place"] for entry in kept.listing(place)}
    shutil.copy(places[other.key], places[first.key])
    again = fit(small(), images, place)
    assert not again.found and same(again, first)
    assert "the kept fit is damaged (the fit of another key) and is made again" in capsys.readouterr().err


def test_fit_damaged_anywhere_is_whole_or_none(images, place):
    first = fit(small(), images, place)
    (entry,) = kept.listing(place)
    with open(entry["place"], "rb") as file:
        whole = bytearray(file.read())
    rng = np.random.default_rng(1)
    headers = list(range(40)) + list(range(len(whole) - 700, len(whole)))  # where zip keeps its own numbers
    for position in [*rng.choice(headers, 20, replace=False), *rng.integers(0, len(whole), 10)]:
        content = bytearray(whole)
        content[position] ^= 0xFF
        with open(entry["place"], "wb") as file:
            file.write(content)
        found = kept.read(entry["place"])
        assert found is None or same(found, first)


def test_fit_that_fails_leaves_nothing_and_the_first_weights(images, place, monkeypatch):
    def broken(self, *_, **__):
        self.model.layers[0].kernel.assign(self.model.layers[0].kernel * 2)
        raise RuntimeError("out of memory")

    model = small()
    before = model.get_weights()
    monkeypatch.setattr(Network, "fit", broken)
    with pytest.raises(RuntimeError, match="out of memory"):
        fit(model, images, place)
    assert kept.listing(place) == []
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("content", [None, "", "{", "{}", '{"kind": 3}', '{"kind": "os.System"}', '{"kind": "../x.Y"}'])
def test_load_of_what_is_no_system_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "system.json").write_text(content)
    with pytest.raises(InputError, match="no system is kept there"):
        kept.load(tmp_path)


# -- cut off -------------------------------------------------------------------------------


class CutOff(Exception):
    pass


def cut_off(after):
    def told(epoch, values):
        if epoch == after:
            raise CutOff

    return told


@pytest.fixture
def keeps_states(monkeypatch):
    monkeypatch.setattr(training, "SECONDS", 0)


def epochs_of(monkeypatch):
    """The epochs that are trained from here on."""
    seen, real = [], training.Progress.add

    def counted(self, row):
        seen.append(len(self.rows))
        return real(self, row)

    monkeypatch.setattr(training.Progress, "add", counted)
    return seen


@pytest.fixture(scope="module")
def whole_network(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "STATES", folder / "states")
        return fit(small(), images, str(folder), epochs=4)


@pytest.mark.parametrize("after", [1, 3, 4])
def test_network_cut_off_goes_on_with_the_same_result(
    images, whole_network, place, states, keeps_states, monkeypatch, after
):
    with pytest.raises(CutOff):
        fit(small(), images, place, epochs=4, on_epoch=cut_off(after))
    assert bool(list(states.rglob("*.npz"))) == (after > 1)
    epochs = epochs_of(monkeypatch)
    again = fit(small(), images, place, epochs=4)
    assert epochs == list(range(max(after - 1, 0), 4))  # the epoch that was cut off is trained again
    assert again.key == whole_network.key and not again.found
    assert same(again, whole_network)
    assert not list(states.rglob("*.npz"))


@pytest.mark.parametrize("damage", ["cut", "zeros"])
def test_network_cut_off_with_a_damaged_state_begins_again(
    images, whole_network, place, states, keeps_states, monkeypatch, damage
):
    with pytest.raises(CutOff):
        fit(small(), images, place, epochs=4, on_epoch=cut_off(3))
    (file,) = states.rglob("*.npz")
    content = file.read_bytes()
    middle = len(content) // 2
    file.write_bytes(content[:middle] + (b"" if damage == "cut" else b"\0" * 50 + content[middle + 50 :]))
    epochs = epochs_of(monkeypatch)
    assert same(fit(small(), images, place, epochs=4), whole_network)
    assert epochs == [0, 1, 2, 3]


def transfer(seed=0):
    training.prepare(seed)
    found = built("14_mobilenet", backbone=small_backbone, backbone_weights="random", image_size=32, seed=seed)
    return Transfer(found.model, backbones=[found.base.name], head="dense", batch_norm="training", untrained=True)


@pytest.fixture(scope="module")
def larger(corpus, features):
    image = Image("spectrogram", "magma", "-1-1", 32, SETTINGS)
    return opened([image], corpus, store_url=features, jobs=1).changed(augmentation="audio")


@pytest.fixture(scope="module")
def whole_transfer(larger, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "STATES", folder / "states")
        return kept.fit(transfer(), larger, PHASES, seed=0, store=str(folder))


@pytest.mark.parametrize("phase", ["head", "top layers"])
def test_transfer_cut_off_goes_on_with_the_same_result(
    larger, whole_transfer, place, states, keeps_states, monkeypatch, phase
):
    history = whole_transfer.history
    lengths = history.groupby("phase", sort=False).size()
    assert lengths["head"] < PHASES["head_epochs"] and lengths["top layers"] < PHASES["top_epochs"]
    # Cut off in the epoch in which patience ends: what early stopping remembers is needed.
    after = lengths["head"] if phase == "head" else len(history)
    with pytest.raises(CutOff):
        kept.fit(transfer(), larger, PHASES, seed=0, store=place, on_epoch=cut_off(after))
    assert len(list(states.rglob("*.npz"))) == (1 if phase == "head" else 2)
    told, epochs = [], epochs_of(monkeypatch)
    again = kept.fit(transfer(), larger, PHASES, seed=0, store=place, on_epoch=lambda epoch, _: told.append(epoch))
    assert told == list(range(1, len(history) + 1))  # those of before too, so that a run's curves are whole
    assert len(epochs) == len(history) + 1 - after
    assert again.key == whole_transfer.key and not again.found
    assert same(again, whole_transfer)


# -- refreshed -----------------------------------------------------------------------------


def test_refreshed_changes_moving_statistics_only_and_is_kept(images, place, monkeypatch):
    first = fit(small(), images, place)
    second = refreshed(first, images, place)
    before, after = (fitted.system.model for fitted in (first, second))
    for old, new in zip(before.trainable_weights, after.trainable_weights, strict=True):
        np.testing.assert_array_equal(old.numpy(), new.numpy())
    assert not np.array_equal(before.layers[1].moving_mean.numpy(), after.layers[1].moving_mean.numpy())
    assert second.history.equals(first.history)
    assert second.key != first.key and second.scores["dev"].tobytes() != first.scores["dev"].tobytes()
    monkeypatch.setattr(training, "refresh", lambda *_: pytest.fail("refreshed again"))
    third = refreshed(fit(small(), images, place), images, place)
    assert third.found and same(third, second)


def test_refreshed_follows_the_fit_before(images, place):
    keys = [refreshed(fit(small(), images, place, epochs=epochs), images, place).key for epochs in (1, 2)]
    assert keys[0] != keys[1]


# -- scikit-learn --------------------------------------------------------------------------


def logistic():
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))


SCIKIT = {
    "classifier": lambda: Estimator(LogisticRegression(max_iter=200)),
    "pipeline": lambda: Estimator(logistic()),
    "mixtures": lambda: Mixtures(GaussianMixture(2, covariance_type="diag", max_iter=5)),
}


@pytest.mark.parametrize("kind", SCIKIT)
def test_scikit_system_is_kept_without_pickle_and_learns(images, matrices, place, monkeypatch, kind):
    build, fed = SCIKIT[kind], matrices if kind == "mixtures" else images
    made = count_fits(monkeypatch, Mixtures if kind == "mixtures" else Estimator)
    first, second = (kept.fit(build(), fed, {}, seed=0, store=place) for _ in range(2))
    assert len(made) == 1 and second.found and same(first, second)
    assert first.history is None and first.scores.keys() == set(SPLITS)
    labels = fed.labels["eval"]
    assert first.scores["eval"][labels == 1].min() > first.scores["eval"][labels == 0].max()
    for split in SPLITS:
        np.testing.assert_array_equal(second.system.scores(fed, split), first.scores[split])
    (entry,) = kept.listing(place)
    with zipfile.ZipFile(entry["place"]) as parts:
        names = parts.namelist()
    assert any(name.endswith(".skops") for name in names)
    assert not any(name.endswith((".pkl", ".pickle", ".joblib")) for name in names)


def test_estimator_is_left_unfitted_and_may_be_a_plain_classifier(images, place):
    system = wrapped(logistic())
    assert isinstance(system, Estimator)
    fitted = fit(system, images, place)
    assert not hasattr(system.estimator[-1], "coef_")
    assert fitted.system.estimator[-1].coef_.shape == (1, 24 * 24 * 3)


def test_estimator_without_decision_function_scores_by_log_probabilities(images, place):
    from sklearn.naive_bayes import GaussianNB

    fitted = fit(GaussianNB(), images, place)
    x = images.load("dev", range(14))[0].reshape(14, -1)
    spoof, genuine = fitted.system.estimator.predict_log_proba(x).T
    np.testing.assert_array_equal(fitted.scores["dev"], genuine - spoof)


def test_estimator_that_cannot_be_kept_is_refused_and_leaves_nothing(images, place):
    with pytest.raises(InputError, match="its fit cannot be kept, since it cannot be read back .*Tree"):
        kept.fit(wrapped(DecisionTreeClassifier()), images, {}, seed=0, store=place)
    assert kept.listing(place) == []
    with pytest.raises(InputError, match="KNeighborsClassifier has no decision_function and no predict_log_proba"):
        wrapped(KNeighborsClassifier())


def test_estimator_parameters_are_counted_within_a_pipeline(images, place):
    fitted = fit(logistic(), images, place)
    values = 24 * 24 * 3
    assert fitted.system.parameters == 3 * values + values + 1  # mean, variance, scale; weights, bias


def test_mixtures_parameters_are_weights_means_and_variances(matrices, place):
    mixture = GaussianMixture(3, covariance_type="diag", max_iter=2)
    fitted = kept.fit(Mixtures(mixture), matrices, {}, seed=0, store=place)
    assert fitted.system.parameters == 2 * (3 + 3 * 20 + 3 * 20)


def test_mixtures_follow_the_seed(matrices, place):
    mixture = functools.partial(GaussianMixture, 4, covariance_type="diag", max_iter=3)
    one, two = (kept.fit(Mixtures(mixture()), matrices, {}, seed=seed, store=place) for seed in (0, 1))
    assert one.key != two.key
    assert one.scores["eval"].tobytes() != two.scores["eval"].tobytes()


def test_mixtures_are_fitted_to_frames_of_digital_silence():
    rng = np.random.default_rng(0)
    spoken = [rng.normal(size=(20, 300)).astype(np.float32) for _ in range(8)]
    silent = np.full((20, 2000), -44.7, np.float32)
    fed = SimpleNamespace(
        labels={"train": np.arange(8) % 2}, load=lambda _, chosen: ([*(spoken[k] for k in chosen), silent],)
    )
    system = Mixtures(GaussianMixture(16, covariance_type="diag", reg_covar=1e-9))
    system.fit(fed, seed=0)
    assert np.isfinite(system.score(spoken)).all()


def test_fit_refuses_what_a_system_does_not_take(images, place, corpus, tracking):
    settings = {"corpus": "tiny", "variant": "a", "seed": 0, "store_url": place}
    record = runs.start("21_gmm", settings, corpus_digest=corpus.digest)
    run = study.Run("21_gmm/a", settings, corpus, record, "none", [])
    with pytest.raises(InputError, match="epochs: the fit of Estimator takes no such argument"):
        run.fit(logistic(), images, epochs=3)
    with pytest.raises(InputError, match="refresh_batch_norm goes with a Keras model, got Estimator"):
        run.fit(logistic(), images, refresh_batch_norm=True)


def test_mixtures_score_is_the_mean_log_likelihood_ratio_of_the_frames(matrices, place):
    fitted = kept.fit(SCIKIT["mixtures"](), matrices, {}, seed=0, store=place)
    ((matrix,),) = matrices.load("dev", [5])
    spoof, genuine = (fitted.system.fitted[name].score_samples(matrix.T) for name in ("spoof", "genuine"))
    assert fitted.scores["dev"][5] == genuine.mean(dtype=np.float64) - spoof.mean(dtype=np.float64)


@pytest.mark.parametrize("content", [SimpleNamespace(a=1), {"estimator": None}, Mixtures(GaussianMixture())])
def test_skops_file_with_a_foreign_type_or_another_system_is_refused(tmp_path, content):
    kept.save(Estimator(LogisticRegression()), tmp_path)
    io.dump(content, tmp_path / "system.skops")
    with pytest.raises(InputError, match="the model cannot be read|a system of kind .*, expected Estimator"):
        kept.load(tmp_path)
