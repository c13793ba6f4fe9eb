"""Recordings: reading one, and changing one in ways that have nothing to do with replay."""

from lib.audio.reading import ENDINGS, duration, find_recordings, header, read, resampled
