"""The networks of the report, layer by layer, as plain Keras models.

Conventions
-----------
Each function builds one model whose last layer is linear: its output is the log-odds
of *genuine*, and the loss is binary cross-entropy on logits. A sigmoid there would say
the same with less precision (probabilities near 0 and 1 are clipped), and has no
parameters, so the layer tables are unchanged.
"""

from lib.systems.models.backbone import described, placeholder_statistics
from lib.systems.models.mobilenet import Transfer, dual_mobilenet, mobilenet
from lib.systems.models.modified_cnn import modified_cnn
from lib.systems.models.paper_cnn import paper_cnn
from lib.systems.models.table import layer_table
from lib.systems.models.wav2vec_cnn import wav2vec_cnn

__all__ = [
    "Transfer",
    "described",
    "dual_mobilenet",
    "layer_table",
    "mobilenet",
    "modified_cnn",
    "paper_cnn",
    "placeholder_statistics",
    "wav2vec_cnn",
]
