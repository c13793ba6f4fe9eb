"""Recordings: reading one, and changing one in ways that say nothing of replay."""

from lib.audio.reading import SHORTEST, duration, facts, find_recordings, read

__all__ = ["SHORTEST", "duration", "facts", "find_recordings", "read"]
