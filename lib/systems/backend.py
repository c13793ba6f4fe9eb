"""TensorFlow and Keras, imported without their start-up messages.

TensorFlow writes which CPU features and drivers it found straight to the file
descriptor of stderr, whatever log level is asked for, and each executed notebook would
open with a dozen such lines. Only that descriptor is silenced, and only during the
import: errors are Python exceptions and arrive as ever.
"""

import logging
import os
from contextlib import contextmanager


@contextmanager
def _descriptor_silenced(number):
    kept, nothing = os.dup(number), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, number)
        yield
    finally:
        os.dup2(kept, number)
        os.close(kept)
        os.close(nothing)


with _descriptor_silenced(2):
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices("GPU")  # looks for a driver, and says at length when there is none

# Each model is traced once for each size of batch; many models on one page are no mistake.
logging.getLogger("tensorflow").addFilter(lambda record: "triggered tf.function retracing" not in record.getMessage())

__all__ = ["keras", "tf"]
