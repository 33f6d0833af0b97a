"""The checklists of the houses that this one unites: each line, and who can confirm it.

A line is looked at by checks, by you, or by both; what is yours has a paragraph in the guide.
"""

from __future__ import annotations

from dataclasses import dataclass

GUIDE = "docs/how-to/harden.md"


@dataclass(frozen=True, slots=True)
class Item:
    """One line. `yours` is the heading of the guide under which it says what to confirm."""

    id: str
    says: str
    asked_by: tuple[str, ...]
    yours: str | None = None

    @property
    def page(self) -> str:
        return f"{GUIDE}#{self.yours}"


DEVELOPMENT = (
    Item("develop-secrets", "Secrets are named in the settings, never written", ("OP-60", "OL-23")),
    Item("develop-env-ignored", "`.env` is ignored by version control", ("OP-60",)),
    Item(
        "develop-dependencies",
        "Libraries are no older than this version asks",
        ("OL-23", "OC-73"),
    ),
    Item(
        "develop-apart",
        "Development has a store, a pepper, keys and provider accounts of its own",
        ("OL-23",),
        "environments",
    ),
)
DEPLOYMENT = (
    Item("deploy-secrets", "Secrets are strong, and their owner's alone", ("OP-60", "OC-73")),
    Item("deploy-https", "Nothing travels in clear", ("OP-60", "OL-23", "OC-73")),
    Item("deploy-cors", "Only names and web pages of your own are let in", ("OP-60", "OC-73")),
    Item("deploy-logs", "Log lines are redacted, and no finer than needed", ("OP-60", "OC-73")),
    Item("deploy-limits", "Rate limits are on, and counted in one place", ("OP-60", "OC-73")),
    Item("deploy-budgets", "Every key has a cap, and every model a price", ("OL-23",)),
    Item(
        "deploy-least-privilege",
        "Nobody, and no key, may do more than is needed",
        ("OL-23", "OC-73"),
    ),
    Item(
        "deploy-audit",
        "The audit log is whole, strict, and its key is elsewhere",
        ("OL-23", "OC-73"),
    ),
    Item("deploy-store", "The store is on a disk and a network that carry it", ("OL-23",)),
    Item("deploy-monitoring", "Figures are gathered, by your monitoring alone", ("OP-60", "OC-73")),
    Item(
        "deploy-network",
        "The network lets the gateway out to its providers only",
        ("OC-73",),
        "network",
    ),
    Item("deploy-complete", "There is a model, and it can be called", ("OL-23",)),
)
OPERATIONS = (
    Item("operate-alerts", "Somebody is woken by what is not normal", ("OP-60", "OL-23"), "alerts"),
    Item(
        "operate-incidents",
        "There is a plan for a leaked key and for a stranger in the house, and it was tried",
        ("OP-60", "OL-23"),
        "incidents",
    ),
    Item(
        "operate-contact",
        "Callers know whom to tell of a weakness",
        ("OP-60",),
        "security-contact",
    ),
    Item(
        "operate-backups",
        "Backups are encrypted, elsewhere, and one was restored",
        ("OL-23",),
        "backups",
    ),
    Item(
        "operate-access", "Each quarter somebody asks who has keys, and why", ("OL-23",), "access"
    ),
    Item(
        "operate-audits",
        "The log is verified on another machine, on a schedule",
        ("OL-23", "OC-73"),
        "audits",
    ),
    Item(
        "operate-patching", "New versions are read about and installed", ("OL-23",), "new-versions"
    ),
    Item(
        "operate-baselines",
        "The settings in force are those that were reviewed",
        ("OL-23",),
        "baselines",
    ),
    Item(
        "operate-training",
        "Who runs this has read what threatens it",
        ("OL-23",),
        "those-who-run-it",
    ),
    Item("operate-money", "No money is held for a call that is over", ("OL-23",)),
    Item("operate-clock", "The clock is right", ("OC-73",)),
)
CHECKLISTS = {"Development": DEVELOPMENT, "Deployment": DEPLOYMENT, "Operations": OPERATIONS}
ITEMS = {item.id: item for items in CHECKLISTS.values() for item in items}
YOURS = tuple(item for item in ITEMS.values() if item.yours)
