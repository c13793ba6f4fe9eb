"""Each cause provoked in a real training and named; healthy trainings not accused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lib.errors import InputError
from lib.judgement.diagnosis import Evidence, describe, diagnose
from lib.plots import evaluation as plots
from lib.systems import training
from lib.systems.backend import keras, tf

SIDE, BATCH = 16, 32


def pictures(rng, trials, genuine):
    """Noise of 0 to 255; genuine ones are brighter in their upper half."""
    labels = (np.arange(trials) % round(1 / genuine) == 0).astype(int)
    x = rng.normal(110, 30, (trials, SIDE, SIDE, 3))
    x[:, : SIDE // 2] += 40 * labels[:, None, None, None]
    return np.clip(x, 0, 255).astype(np.float32), labels


def network(momentum):
    """Two convolutions, with batch normalisation of that momentum or, for None, without."""
    layers = [keras.Input((SIDE, SIDE, 3))]
    for filters in (8, 16):
        layers.append(keras.layers.Conv2D(filters, 3, activation="relu"))
        if momentum is not None:
            layers.append(keras.layers.BatchNormalization(momentum=momentum))
        layers.append(keras.layers.MaxPooling2D(2))
    return keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(1)])


class Training:
    """One real training, and the evidence that it leaves."""

    def __init__(self, seed=0, *, momentum=None, scale=1.0, rate=1e-3, epochs=6, genuine=0.5, random_labels=False):
        training.prepare(seed)
        rng = np.random.default_rng(seed)
        self.data = {"train": pictures(rng, 96, genuine), "dev": pictures(rng, 120, genuine)}
        self.data = {split: (x * np.float32(scale), labels) for split, (x, labels) in self.data.items()}
        if random_labels:
            self.data = {split: (x, rng.permutation(labels)) for split, (x, labels) in self.data.items()}
        self.model = network(momentum)
        training.compile_binary(self.model, learning_rate=rate)
        self.endless = self.dataset("train").shuffle(96, seed=seed).repeat().batch(BATCH)
        dev = self.dataset("dev").batch(BATCH)
        self.history = training.fit(self.model, self.endless.skip, dev, epochs=epochs, steps_per_epoch=6)

    def dataset(self, split):
        x, labels = self.data[split]
        return tf.data.Dataset.from_tensor_slices((x, labels[:, None].astype(np.float32)))

    def evidence(self):
        batches = {split: self.dataset(split).batch(BATCH) for split in self.data}
        tables = {
            split: pd.DataFrame({"score": training.log_odds(self.model, batches[split]), "label": labels})
            for split, (_, labels) in self.data.items()
        }
        found = Evidence(**tables, history=self.history)
        if training.normalising(self.model):
            scores = {f"{s}_batch": training.batch_log_odds(self.model, b) for s, b in batches.items()}
            found = replace(found, **scores)
        return found


@pytest.fixture(scope="module")
def lagging():
    return Training(momentum=0.99)


@pytest.fixture(scope="module")
def good():
    """Evidence of a training without batch normalisation that learned."""
    return Training(scale=1 / 255, rate=1e-2).evidence()


def test_diagnose_momentum_too_slow_for_the_steps_is_lag_and_refresh_cures_it(lagging):
    before = diagnose(lagging.evidence())
    assert before.cause == "moving statistics lag"
    assert before.figures["train_batch_balanced_accuracy"] > 0.9 > 0.6 > before.figures["train_balanced_accuracy"]
    training.refresh(lagging.model, lagging.endless.take(12))
    after = diagnose(lagging.evidence())
    assert after.cause == "healthy"
    assert after.figures["dev_balanced_accuracy"] > 0.8


@pytest.mark.parametrize("seed", [1, 2])
def test_diagnose_healthy_training_is_not_accused(seed):
    assert diagnose(Training(seed, momentum=0.9, epochs=8).evidence()).cause == "healthy"


def test_diagnose_training_without_batch_norm_that_learned_is_healthy(good):
    assert diagnose(good).cause == "healthy"


@pytest.mark.parametrize("rate", [0.1, 0.0])  # so fast that every unit dies; so slow that nothing moves
def test_diagnose_wide_inputs_without_batch_norm_never_learned(rate):
    found = diagnose(Training(rate=rate, epochs=4).evidence())
    assert found.cause == "never learned"
    assert found.figures["loss_last"] > 0.98 * np.log(2)


def test_diagnose_random_labels_learned_by_heart_is_overfitting():
    found = diagnose(Training(momentum=0.8, epochs=16, random_labels=True).evidence())
    assert found.cause == "overfitting"
    assert found.figures["train_auc"] > 0.95


def test_diagnose_rare_class_never_answered_is_one_class_always():
    evidence = Training(scale=1 / 255, rate=0.03, epochs=7, genuine=0.1).evidence()
    found = diagnose(evidence)
    assert found.cause == "one class always"
    assert found.figures["dev_auc"] > 0.9
    assert "classified as spoof for 100.0 % of its genuine" in found.findings[0]
    assert "threshold on dev" in found.advice
    assert diagnose(replace(evidence, threshold=found.figures["dev_eer_threshold"])).cause == "healthy"


def test_diagnose_labels_swapped_in_scoring_is_polarity(good):
    swapped = {s: getattr(good, s).assign(label=lambda t: 1 - t["label"]) for s in ("train", "dev")}
    assert diagnose(replace(good, **swapped)).cause == "polarity"
    assert diagnose(replace(good, dev=swapped["dev"])).cause == "polarity"


def test_diagnose_scores_beside_other_trials_is_labels_misaligned(good, rng):
    mixed = {s: getattr(good, s).assign(label=lambda t: rng.permutation(t["label"])) for s in ("train", "dev")}
    assert diagnose(replace(good, **mixed)).cause == "labels misaligned"
    assert diagnose(replace(good, dev=mixed["dev"])).cause == "labels misaligned"
    # Without the training's own accuracy on dev the same table looks like overfitting.
    blind = replace(good, dev=mixed["dev"], history=good.history[["loss", "accuracy"]])
    assert diagnose(blind).cause == "overfitting"


@pytest.mark.parametrize("penalty", [0.05, 0.5, 3.0])
def test_diagnose_a_loss_above_the_constant_one_by_a_penalty_of_weights_is_no_failure(rng, penalty):
    for _ in range(5):
        evidence = simulated(rng, 2.9, 2.9, 200, 200)
        tables = {s: getattr(evidence, s).assign(score=lambda t: 0.01 * t["score"]) for s in ("train", "dev")}
        history = evidence.history.assign(loss=[0.7 + 3 * penalty, 0.69 + penalty])
        found = diagnose(replace(evidence, **tables, history=history))
        assert found.cause == "healthy" and found.figures["train_auc"] > 0.95


@pytest.mark.parametrize("share", [0.2, 0.3, 0.4])
def test_diagnose_a_share_of_dev_beside_wrong_labels_is_labels_misaligned(rng, share):
    for _ in range(10):
        evidence = simulated(rng, 3, 3, 100, 100)
        wrong = evidence.dev.assign(label=evidence.dev["label"] ^ (rng.permutation(200) < share * 200))
        assert diagnose(replace(evidence, dev=wrong)).cause == "labels misaligned"


@pytest.mark.parametrize(
    ("seen", "accused"),
    [
        *(((0, 255), True), ((0, 1), True), ((0.02, 0.97), True), ((-0.5, 0.5), True), ((0.4, 0.5), True)),
        *(((-1, 1), False), ((-0.97, 0.9), False), ((-1, 0.3), False)),
    ],
)
def test_diagnose_inputs_beside_what_the_backbone_expects(good, seen, accused):
    found = diagnose(replace(good, input_range=seen, expected_range=(-1, 1)))
    assert (found.cause == "input out of range") == accused


def simulated(rng, train_distance, dev_distance, genuine, spoof):
    """Tables of normal scores, as log-odds of unit variance, and a history that fits them."""
    tables = {}
    for split, distance, counts in (
        ("train", train_distance, (200, 200)),
        ("dev", dev_distance, (genuine, spoof)),
    ):
        labels = np.repeat([1, 0], counts)
        scores = distance * (rng.normal(size=len(labels)) + distance * (labels - 0.5))
        tables[split] = pd.DataFrame({"score": scores, "label": labels})
    accuracy = {s: ((t["score"] >= 0) == t["label"]).mean() for s, t in tables.items()}
    loss = np.logaddexp(0, -tables["train"]["score"] * (2 * tables["train"]["label"] - 1)).mean()
    columns = {"loss": [0.7, loss], "accuracy": [0.5, accuracy["train"]], "val_accuracy": [0.5, accuracy["dev"]]}
    return Evidence(**tables, history=pd.DataFrame(columns, index=[1, 2]))


@pytest.mark.parametrize("counts", [(6, 8), (14, 60), (60, 60)])
def test_diagnose_simulated_healthy_trainings_are_hardly_ever_accused(rng, counts):
    # EER 5 % on train and 20 % on dev, as is ordinary in this field.
    found = [diagnose(simulated(rng, 3.29, 1.68, *counts)).cause for _ in range(70)]
    assert sum(cause not in ("healthy", "undecided") for cause in found) <= 1


def test_diagnose_dev_at_chance_after_a_high_train_is_overfitting_where_dev_is_large_enough(rng):
    found = [diagnose(simulated(rng, 3.29, 0.1, 60, 60)).cause for _ in range(20)]
    assert found.count("overfitting") >= 19


@pytest.mark.parametrize("train_distance", [0.5, 1.8, 3.29])
def test_diagnose_dev_at_chance_or_nearly_is_never_healthy(rng, train_distance):
    for trials, distance in ((855, 0.2513), (855, 0), (100, 0.2513), (20, 0), (6, -1)):  # EER 45 %, 50 %; inverted
        assert diagnose(simulated(rng, train_distance, distance, trials, trials)).cause != "healthy"
    large = diagnose(simulated(rng, train_distance, 0.2513, 855, 855))
    assert large.cause == ("near chance" if train_distance < 1 else "overfitting")
    assert "45." in describe(large) or large.cause == "overfitting"


def test_diagnose_few_trials_prove_nothing(rng):
    table = pd.DataFrame({"score": rng.normal(size=6), "label": [1, 1, 1, 0, 0, 0]})
    found = diagnose(Evidence(table, table))
    assert found.cause == "undecided"
    assert "With 3 genuine and 3 spoof trials dev is at chance or nearly" in describe(found)


def test_diagnose_one_class_or_scores_that_do_not_fit_are_refused(good):
    with pytest.raises(InputError, match="one class"):
        diagnose(replace(good, dev=good.dev[good.dev["label"] == 1]))
    with pytest.raises(InputError, match="scores of shape .5,. and labels of shape .96,."):
        diagnose(replace(good, train_batch=np.zeros(5)))


def test_describe_names_cause_figures_and_cure(lagging, good):
    found = diagnose(replace(good, input_range=(0, 255), expected_range=(-1, 1)))
    text = describe(found)
    assert text.startswith("**Diagnosis: input out of range**")
    assert "0 to 255" in text and found.advice in text


def test_plot_has_a_panel_for_each_kind_of_scores(lagging, good):
    for shown, panels in ((lagging.evidence(), 4), (good, 2), (replace(good, history=None), 2)):
        figure = plots.evidence(shown, diagnose(shown))
        assert len(figure.axes) == panels
        assert all(axes.get_xlabel() and axes.get_ylabel() for axes in figure.axes)
