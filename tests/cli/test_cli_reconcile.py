from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from console import Console

from stores import NOW, acme_key, hold
from tollhouse.domain.budget import Outcome, Settlement, Source
from tollhouse.domain.pricing import Usage
from tollhouse.storage.sqlite import SqliteDatabase

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "reconcile.md"


@pytest.mark.req("P-11")
def test_the_example_of_the_page_is_what_the_command_says(console: Console) -> None:
    page = PAGE.read_text("utf-8")
    files = re.findall(r"`(\w+\.json)`, from .*?```json\n(.*?)```", page, re.DOTALL)
    (command, shown), *_ = re.findall(r"\$ tollhouse (.*?)\n(.*?)```", page, re.DOTALL)
    for name, text in files:
        (console.directory / name).write_text(text)
    _used(console)

    words = [str(console.directory / w) if w.endswith(".json") else w for w in command.split()]
    ended = console.run(*words)

    assert ended.status == 1
    assert _ageless(ended.out) == _ageless(shown)


def test_a_difference_is_drawn_and_told(console: Console) -> None:
    _used(console)
    export = _csv(console, "day,model,input_tokens,output_tokens\n2027-01-15,gpt-4o,20,9\n")

    ended = console.run("usage", "reconcile", export, "--provider", "openai")

    assert ended.status == 1
    assert "+1" in ended.out
    assert "differs" in ended.out


def test_books_that_agree_end_with_0(console: Console) -> None:
    _used(console)
    export = _csv(console, "Tag,SKU,Betrag\n2027-01-15,4o,0.0000009\n")
    columns = [f"--column={each}" for each in ("day=Tag", "model=SKU", "dollars=Betrag")]
    options = [*columns, "--name=4o=gpt-4o", "--within=0.0000002", "--json"]

    ended = console.run("usage", "reconcile", export, "--provider", "openai", *options)

    assert (ended.status, ended.json["agrees"]) == (0, True)


@pytest.mark.parametrize(
    "words",
    [
        ["--provider", "nobody"],
        ["--provider", "openai", "--column", "weight=kg"],
        ["--provider", "openai", "--name", "4o"],
        ["--provider", "openai", "--output", "usage.xlsx"],
    ],
)
def test_what_is_asked_for_wrongly_is_refused(console: Console, words: list[str]) -> None:
    _used(console)
    export = _csv(console, "day,cost\n2027-01-15,1\n")

    assert console.run("usage", "reconcile", export, *words).status == 2


def test_chargeback_is_written_as_focus_has_it(console: Console) -> None:
    _used(console)

    page = console.run("usage", "chargeback", "--from", "2027-01-01", "--to", "2027-02-01").out
    (row,) = console.json("usage", "chargeback", "--issuer", "Platform team")

    assert page.startswith("BilledCost,BillingAccountId,")
    assert (row["BilledCost_nanos"], row["InvoiceIssuerName"]) == (700, "Platform team")
    assert json.loads(row["Tags"])["user"].startswith("acme/")


def _ageless(text: str) -> list[str]:
    """How long ago it was depends on when it is looked at."""
    return [re.sub(r"both,\d+,", "both,N,", line) for line in text.split()]


def _csv(console: Console, text: str) -> str:
    file = console.directory / "export.csv"
    file.write_text(text)
    return str(file)


def _used(console: Console) -> None:
    """A call for 700 nano-dollars that OpenAI answered."""
    openai = '[providers.openai]\nkind = "echo"\n'
    console.file.write_text(console.file.read_text() + openai)
    console.run("migrate")

    async def use() -> None:
        store = SqliteDatabase(console.directory / "data" / "tollhouse.db")
        await hold(store, await acme_key(store), "c1", 900, at_ms=NOW)
        usage = Usage(input=15, output=10, cache_read=5)
        settlement = Settlement(
            "c1", Outcome.COMPLETED, 700, usage, Source.PROVIDER, "openai:gpt-4o", None, NOW
        )
        await store.settle(settlement)
        await store.close()

    asyncio.run(use())
