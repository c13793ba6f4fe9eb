"""The layer tables of the report: layer (type), output shape, parameters."""

# Figure 3.1.
PAPER_CNN_TABLE = [
    ("conv2d (Conv2D)", "(None, 198, 198, 16)", 448),
    ("max_pooling2d (MaxPooling2D)", "(None, 99, 99, 16)", 0),
    ("conv2d_1 (Conv2D)", "(None, 97, 97, 8)", 1160),
    ("global_max_pooling2d (GlobalMaxPooling2D)", "(None, 8)", 0),
    ("dense (Dense)", "(None, 1)", 9),
]

# Figure 4.0.
WAV2VEC_CNN_TABLE = [
    ("conv1d (Conv1D)", "(None, 766, 16)", 64),
    ("max_pooling1d (MaxPooling1D)", "(None, 383, 16)", 0),
    ("conv1d_1 (Conv1D)", "(None, 381, 8)", 392),
    ("global_max_pooling1d (GlobalMaxPooling1D)", "(None, 8)", 0),
    ("dense (Dense)", "(None, 1)", 9),
]

# Figure 5.0.
MODIFIED_CNN_TABLE = [
    ("conv2d (Conv2D)", "(None, 198, 198, 128)", 3584),
    ("max_pooling2d (MaxPooling2D)", "(None, 99, 99, 128)", 0),
    ("batch_normalization (BatchNormalization)", "(None, 99, 99, 128)", 512),
    ("conv2d_1 (Conv2D)", "(None, 97, 97, 64)", 73792),
    ("max_pooling2d_1 (MaxPooling2D)", "(None, 48, 48, 64)", 0),
    ("batch_normalization_1 (BatchNormalization)", "(None, 48, 48, 64)", 256),
    ("conv2d_2 (Conv2D)", "(None, 46, 46, 32)", 18464),
    ("max_pooling2d_2 (MaxPooling2D)", "(None, 23, 23, 32)", 0),
    ("batch_normalization_2 (BatchNormalization)", "(None, 23, 23, 32)", 128),
    ("flatten (Flatten)", "(None, 16928)", 0),
    ("dense (Dense)", "(None, 256)", 4333824),
    ("dropout (Dropout)", "(None, 256)", 0),
    ("dense_1 (Dense)", "(None, 1)", 257),
]

# Figure 6.0.
MOBILENET_TABLE = [
    ("input_layer_1 (InputLayer)", "(None, 200, 200, 3)", 0),
    ("mobilenetv2_1.00_224 (Functional)", "(None, 1280)", 2257984),
    ("dense (Dense)", "(None, 64)", 81984),
    ("dropout (Dropout)", "(None, 64)", 0),
    ("dense_1 (Dense)", "(None, 1)", 65),
]

# Figure 7.0; the names that it cuts off are completed.
DUAL_MOBILENET_TABLE = [
    ("spectrogram_input (InputLayer)", "(None, 200, 200, 3)", 0),
    ("mfcc_image_input (InputLayer)", "(None, 200, 200, 3)", 0),
    ("mobilenet_for_spec (Functional)", "(None, 1280)", 2257984),
    ("mobilenet_for_mfcc (Functional)", "(None, 1280)", 2257984),
    ("concatenated_features (Concatenate)", "(None, 2560)", 0),
    ("dense (Dense)", "(None, 512)", 1311232),
    ("batch_normalization (BatchNormalization)", "(None, 512)", 2048),
    ("dropout (Dropout)", "(None, 512)", 0),
    ("dense_1 (Dense)", "(None, 256)", 131328),
    ("batch_normalization_1 (BatchNormalization)", "(None, 256)", 1024),
    ("dropout_1 (Dropout)", "(None, 256)", 0),
    ("dense_2 (Dense)", "(None, 64)", 16448),
    ("batch_normalization_2 (BatchNormalization)", "(None, 64)", 256),
    ("dropout_2 (Dropout)", "(None, 64)", 0),
    ("output (Dense)", "(None, 1)", 65),
]
