from __future__ import annotations

from console import Console


def test_the_catalogue_is_listed(console: Console) -> None:
    listed = console.json("providers", "list")

    (groq,) = [row for row in listed if row["kind"] == "groq"]
    assert groq["url"] == "https://api.groq.com/openai/v1"
    assert groq["used_as"] == []
    assert "groq" in console.run("providers", "list").out


def test_a_house_without_a_network_checks_what_is_in_it(console: Console) -> None:
    assert console.json("providers", "check") == [
        {"provider": "echo", "verdict": "here", "says": "a part of this program", "missing": []}
    ]


def test_a_provider_that_cannot_be_reached_is_the_exit_status(console: Console) -> None:
    with console.file.open("a") as file:
        file.write('[providers.gone]\nkind = "vllm"\nurl = "http://127.0.0.1:9/v1"\n')

    ended = console.run("providers", "check", "gone")

    assert ended.status == 1
    assert "unreachable" in ended.out


def test_a_provider_that_is_not_there_is_said_in_words(console: Console) -> None:
    ended = console.run("providers", "check", "nobody")

    assert ended.status == 1
    assert "there is no provider 'nobody'" in ended.err
