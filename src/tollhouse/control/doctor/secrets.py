"""Checks of secrets that are kept in the store: whether they open, and by which key."""

from __future__ import annotations

from collections.abc import Iterator

from tollhouse.control.doctor.finding import Check, Ill, Mend, Severity
from tollhouse.control.doctor.seen import Seen


def _broken(seen: Seen) -> Iterator[Ill]:
    for each in seen.books.secrets:
        if each.flaw:
            row = each.row
            found = f"the secret {row.name} (version {row.version}, key version {row.key_version}): {each.flaw}"
            words = "Or list the key that wraps it under [vault] again."
            yield Ill(found, Mend(command=f"tollhouse secrets set {row.name}", words=words))


def _old_key(seen: Seen) -> Iterator[Ill]:
    current = seen.settings.vault.key_version
    for each in seen.books.secrets:
        if not each.flaw and each.row.key_version != current:
            found = f"the secret {each.row.name} is wrapped by the key of version {each.row.key_version}"
            yield Ill(found, Mend(command="tollhouse secrets rewrap"))


CHECKS = (
    Check(
        "secrets-broken",
        Severity.UNSAFE,
        "Somebody changed it, or its key is gone: no provider is called with it.",
        ("develop-secrets",),
        _broken,
        on_store=True,
    ),
    Check(
        "secrets-old-key",
        Severity.ADVICE,
        "A key that still wraps something cannot be thrown away.",
        ("develop-secrets",),
        _old_key,
        on_store=True,
    ),
)
