"""Pictures: what a recording, a training or an evaluation looks like."""
