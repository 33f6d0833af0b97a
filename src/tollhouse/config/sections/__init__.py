"""The tables of the settings file, a room for each idea."""
