"""What survives between which dialects: asked of the codecs themselves, one thing at a time."""
