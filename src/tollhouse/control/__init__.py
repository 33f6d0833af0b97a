"""The control plane: what operators do, called by CLI, admin API and console alike."""
