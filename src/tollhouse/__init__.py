"""Tollhouse: one door between applications and language models."""

__version__ = "0.1.0"
