"""Helpers shared by the notebooks of the study.

The rooms import one way only:

    errors -> params -> files -> audio -> cluster -> corpus -> features -> inputs -> systems -> scores -> metrics
    -> judgement -> plots -> tracking -> scoring -> comparison -> study -> runner -> cli

`bench` and `demo` are leaves: only the command and notebooks import them. A test reads
the imports and holds that order.
"""

import os
import sys
from importlib.util import find_spec

# Figures are the same for everybody: matplotlib reads its own defaults and not the user's file, which may even be one
# that it cannot read, and no backend of a desktop.
os.environ["MATPLOTLIBRC"] = os.path.join(os.path.dirname(find_spec("matplotlib").origin), "mpl-data", "matplotlibrc")
if not os.environ.get("MPLBACKEND", "module://").startswith("module://"):  # a notebook's own
    del os.environ["MPLBACKEND"]

# Threads of PyTorch and NumPy wait for each other asleep: awake, two fits at once on two cores slow each other down,
# PyTorch's up to tenfold. 2 ** 4 is the lowest number of processor cycles that OpenBLAS takes.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

# PyTorch's CUDA build would import triton, which ends the process where TensorFlow was imported before (TensorFlow's
# issue 124205); only torch.compile needs it.
sys.modules.setdefault("triton", None)
