"""Wire formats, used on both sides, without I/O."""
