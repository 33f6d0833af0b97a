"""What can go wrong with a store, beside that it cannot be reached."""

from __future__ import annotations


class Conflict(Exception):
    """A name is taken, or something that is referred to is not there."""


class SchemaTooNew(Exception):
    """The database was written by a newer version of the program."""


class SchemaTooOld(Exception):
    """Migrations are missing, and are not applied unasked."""
