"""What numbers prove: of a training, of a printed table, of a corpus; and the report's own figures."""
