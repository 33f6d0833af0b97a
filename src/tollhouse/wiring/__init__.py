"""The composition root: the only place that names concrete classes."""

from tollhouse.wiring.store import Store, open_database

__all__ = ["Store", "open_database"]
