"""The embedded corpus: made speech and its simulated replay. Only the command imports it."""
