"""The report's layer tables, row by row."""

import numpy as np
import pytest

from lib import models, reference


def test_paper_cnn_equals_figure_3_1():
    table = models.layer_table(models.paper_cnn())
    ours = list(table.itertuples(index=False, name=None))
    assert ours == reference.PAPER_CNN_TABLE
    assert table["Param #"].sum() == models.paper_cnn().count_params() == 1617


@pytest.mark.parametrize("size", [32, 200])
def test_paper_cnn_gives_one_unbounded_number_a_picture(size, rng):
    model = models.paper_cnn(size)
    pictures = rng.uniform(0, 255, (4, size, size, 3)).astype(np.float32)
    scores = model.predict_on_batch(pictures)
    assert scores.shape == (4, 1)
    assert np.abs(scores).max() > 1  # a sigmoid at the end would hold it below 1
