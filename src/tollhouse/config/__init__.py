"""Settings: typed, loaded from one file, every problem reported at once."""
