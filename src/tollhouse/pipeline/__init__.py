"""The data plane: the sequence, one file per stage."""
