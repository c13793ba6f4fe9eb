"""TensorFlow and Keras, without start-up messages, and with backend, precision and axis order that decide numbers."""

import logging
import os

from lib.errors import InputError

os.environ["KERAS_BACKEND"] = "tensorflow"
# TensorFlow writes what it found straight to descriptor 2; errors are exceptions and arrive as ever.
kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
os.dup2(nothing, 2)
try:
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices("GPU")  # looks for a driver, and reports at length when there is none
finally:
    os.dup2(kept, 2)
    os.close(kept)
    os.close(nothing)

if keras.backend.backend() != "tensorflow":  # Keras was imported before this module
    raise InputError(f"Keras runs on {keras.backend.backend()}: the study needs TensorFlow (KERAS_BACKEND, keras.json)")
keras.config.set_floatx("float32")
keras.config.set_dtype_policy("float32")
keras.config.set_image_data_format("channels_last")

# Each model is traced once for each size of batch; many models on one page are no mistake.
logging.getLogger("tensorflow").addFilter(lambda record: "triggered tf.function retracing" not in record.getMessage())

__all__ = ["keras", "tf"]
