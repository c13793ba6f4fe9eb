"""The embedded corpus: synthetic speech and its simulated replay. Only the command imports it."""
