"""On which line of a TOML text each key stands."""

from __future__ import annotations

from tollhouse.config.lines import line_of, lines

TEXT = '''\
# a comment
top = 1

[server]  # the door
listen = "127.0.0.1:1"
trusted_proxies = [
  "10.0.0.0/8",
  # [log]
]
text = """
[models.not]
"""
[auth]
peppers = { 1 = "a", 2 = "b" }
[models."gpt-4.1"]
targets = []
[providers]
p.kind = "echo"
'''


def test_each_key_and_table_has_its_line() -> None:
    assert lines(TEXT) == {
        ("top",): 2,
        ("server",): 4,
        ("server", "listen"): 5,
        ("server", "trusted_proxies"): 6,
        ("server", "text"): 10,
        ("auth",): 13,
        ("auth", "peppers"): 14,
        ("auth", "peppers", "1"): 14,
        ("auth", "peppers", "2"): 14,
        ("models",): 15,
        ("models", "gpt-4.1"): 15,
        ("models", "gpt-4.1", "targets"): 16,
        ("providers",): 17,
        ("providers", "p"): 18,
        ("providers", "p", "kind"): 18,
    }


def test_what_is_missing_has_the_line_of_the_table_around_it() -> None:
    known = lines(TEXT)

    assert line_of(("models", "gpt-4.1", "nothing", 0), known) == 15
    assert line_of(("nothing",), known) is None


def test_behind_an_endless_list_lines_are_unknown() -> None:
    text = "a = 1\nb = [\n" + "1,\n" * 500 + "]\nc = 1\n"

    assert lines(text) == {("a",): 1}
