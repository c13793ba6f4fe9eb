"""Systems: fitting and scoring."""
