"""TensorFlow and Keras, without start-up messages, and with backend, precision and axis order that decide numbers."""

import logging
import os

from lib.errors import InputError, unheard

os.environ["KERAS_BACKEND"] = "tensorflow"
# TensorFlow tells at length what it found, and that there is no driver where it looks for one.
with unheard():
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices("GPU")

if keras.backend.backend() != "tensorflow":  # Keras was imported before this module
    raise InputError(f"Keras runs on {keras.backend.backend()}: the study needs TensorFlow (KERAS_BACKEND, keras.json)")
keras.config.set_floatx("float32")
keras.config.set_dtype_policy("float32")
keras.config.set_image_data_format("channels_last")

# Each model is traced once for each size of batch; many models on one page are no mistake.
logging.getLogger("tensorflow").addFilter(lambda record: "triggered tf.function retracing" not in record.getMessage())
