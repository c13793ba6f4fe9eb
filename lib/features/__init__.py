"""Features of recordings: matrices, images of them, embeddings, and the store that keeps them."""

from lib.features.matrices import FEATURES, FeatureSettings, compute, identity, row_hertz, settings_from
