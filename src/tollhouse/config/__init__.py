"""Settings: typed, loaded from one file, every problem reported at once."""

from tollhouse.config.addresses import Listen, TargetName
from tollhouse.config.loading import load, parse
from tollhouse.config.problems import ConfigInvalid, Problem
from tollhouse.config.secrets import Secret, Sources
from tollhouse.config.settings import Settings
from tollhouse.config.shapes import schema
from tollhouse.config.starting import starter
from tollhouse.config.warning import warnings

__all__ = [
    "ConfigInvalid",
    "Listen",
    "Problem",
    "Secret",
    "Settings",
    "Sources",
    "TargetName",
    "load",
    "parse",
    "schema",
    "starter",
    "warnings",
]
