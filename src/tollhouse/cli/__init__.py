"""The command line: every word of it calls the control plane and prints what that says."""

from __future__ import annotations


def main() -> None:
    from tollhouse.cli.app import app
    from tollhouse.cli.edge import guarded

    guarded(app)
