from __future__ import annotations

from pathlib import Path

import pytest
from console import Console

from sinks.test_receipts import RECEIPT
from tollhouse.sinks.keys import load_or_create
from tollhouse.sinks.receipts import signer

pytestmark = pytest.mark.req("B-13")


def test_receipts_are_verified_with_a_key_and_nothing_else(console: Console) -> None:
    file, public = _receipt(console)

    ended = console.run("receipts", "verify", file, "--key", public, "--json")

    assert ended.status == 0
    assert ended.json[0]["claims"]["owed"] == 300


def test_a_forged_line_is_named_and_ends_with_1(console: Console) -> None:
    file, public = _receipt(console)
    text = Path(file).read_text()
    Path(file).write_text(f"{text}\n{text[:-2]}x\n")

    ended = console.run("receipts", "verify", file, "--key", public)

    assert ended.status == 1
    assert "genuine" in ended.out
    assert "signature does not fit" in ended.out or "spelled otherwise" in ended.out


def test_no_receipt_is_no_proof(console: Console) -> None:
    file, public = _receipt(console)
    Path(file).write_text("\n")

    assert console.run("receipts", "verify", file, "--key", public).status == 1


def _receipt(console: Console) -> tuple[str, str]:
    key = load_or_create(console.directory / "audit.key")
    file = console.directory / "receipts.txt"
    file.write_text(signer(key, lambda: None)(RECEIPT) + "\n")
    return str(file), str(console.directory / "audit.key.pub")
