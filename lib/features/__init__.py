"""Features of recordings: matrices, images of them, embeddings, and the store that keeps them."""

from lib.features.matrices import DEPENDS_ON, FEATURES, FeatureSettings, compute, identity, settings_from

__all__ = ["DEPENDS_ON", "FEATURES", "FeatureSettings", "compute", "identity", "settings_from"]
