"""From a file to settings, or to everything that is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from configs import CANARIES, ENVIRON, full, problem, problems, read

from tollhouse.config import ConfigInvalid, load, parse
from tollhouse.config.loading import MAX_BYTES
from tollhouse.config.sections.callers import LIMITED
from tollhouse.config.shapes import sections


def test_without_a_file_the_defaults_hold() -> None:
    settings = load(None, {})

    assert str(settings.server.listen) == "127.0.0.1:8400"
    assert settings.sqlite_file == Path("tollhouse-data/tollhouse.db")
    assert settings.auth.virtual_keys
    assert settings.limits.most_at_once == 240


def test_an_empty_file_means_the_same_as_none() -> None:
    assert read("") == load(None, {})


def test_what_a_file_says_is_read(tmp_path: Path) -> None:
    file = tmp_path / "tollhouse.toml"
    file.write_text("\ufeff" + full(tmp_path).replace("\n", "\r\n"))

    settings = load(file, ENVIRON)

    openai = settings.providers["openai"]
    assert openai.connect_s == 2.5
    assert openai.key is not None
    assert openai.key.reveal() == ENVIRON["OPENAI_API_KEY"]
    assert openai.bounded_by == "max_tokens"
    assert str(settings.models["gpt-4.1"].targets[1]) == "vllm:org/model:8b"
    assert settings.models["gpt-4.1"].targets[1].provider == "vllm"
    assert settings.at(settings.audit.key) == tmp_path / "signing.key"
    assert settings.sqlite_file is None
    assert sorted(settings.auth.peppers) == [1, 2]


def test_settings_written_out_can_be_read_again(tmp_path: Path) -> None:
    settings = parse(full(tmp_path), ENVIRON)

    written = settings.model_dump_json()

    assert '"password":"env:DB_PASSWORD"' in written
    assert '"listen":"192.0.2.1:8400"' in written
    assert not [canary for canary in CANARIES if canary in written + repr(settings)]


def test_settings_cannot_be_changed() -> None:
    settings = read("")

    with pytest.raises(ValueError, match="frozen"):
        settings.server.workers = 2


@pytest.mark.req("P-35")
def test_all_problems_are_reported_at_once_in_the_order_of_the_file() -> None:
    text = """
data_dir = ""
[server]
listen = "0.0.0.0:8400"
workers = "8"
[auth]
virtual_keys = false
[log]
level = "inf"
[providers.p]
kind = "echo"
[models.m]
targets = [
  "p:x",
  "nothing",
  "q:x",
]
"""

    found = problems(text)

    assert [(each.key, each.line) for each in found] == [
        ("data_dir", 2),
        ("server.listen", 4),
        ("server.workers", 5),
        ("auth.virtual_keys", 7),
        ("log.level", 9),
        ("models.m.targets[1]", 13),
        ("models.m.targets[2]", 13),
    ]


def test_a_part_that_is_unfit_causes_no_further_problems() -> None:
    text = """
[store]
url = "postgresql://gate@db/gate"
[auth]
peppers = { 1 = "a literal" }
[providers.p]
kind = "nonsense"
[models.m]
targets = ["p:x"]
"""

    found = problems(text)

    assert [each.key for each in found] == ["auth.peppers.1", "providers.p.kind"]


@pytest.mark.req("P-35")
def test_a_problem_is_rendered_for_a_terminal() -> None:
    with pytest.raises(ConfigInvalid) as caught:
        parse('[log]\nlevel = "inf"', {}, file="gate.toml")

    assert (
        str(caught.value)
        == """\
gate.toml: 1 problem

  log.level (line 2)
    found     "inf"
    expected  one of "debug", "info", "warning", "error"
    hint      Did you mean "info"?"""
    )


def test_a_key_in_the_wrong_section_is_told_where_it_belongs() -> None:
    assert problem('[server]\nlevel = "info"').hint == "`level` belongs to [log]."
    assert "top of the file" in str(problem('[log]\ndata_dir = "x"').hint)


def test_a_quoted_number_is_told_to_lose_its_quotes() -> None:
    assert problem('[server]\nworkers = "2"').hint == "Without quotes."


def test_a_value_that_looks_like_a_secret_is_not_shown_wherever_it_stands() -> None:
    for text in (
        '[log]\nlevel = "sk-canary"',
        '[providers.p]\nkind = "echo"\nkye = "canary"',
        'data_dirr = "canary"',
        '[providers.p]\nkind = "canary0123456789abcdefcanary0123456789abcdef"',
        '[store]\nurl = "postgresql://u:canary@h/db"',
        '[store]\nurl = "mysql://u:canary@h/db"',
        '[providers.p]\nkind = "openai-compatible"\nurl = "https://h/v1?key=canary"',
    ):
        assert "canary" not in problem(text).render()


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = 1\nb = [1\nc = 2", 3), ("[log]\nlevel = info", 2), ("a = 1\na = 2", 2), ('x = "', 1)],
)
def test_a_file_that_is_no_toml_is_one_problem_with_its_line(text: str, line: int) -> None:
    only = problem(text)

    assert only.key == "(syntax)"
    assert only.line == line


@pytest.mark.parametrize(
    ("text", "found", "has_hint"),
    [
        ("[log]\nlevel = nothing", "Invalid value, at line 2, column 9", True),
        ("a = 1\na = 2\n", "Cannot overwrite a value, at line 2, column 6", False),
        ("a = ", "Invalid value, at the end of the file", True),
        ("a = " + "[" * 100_000, "lists nested too deep", False),
    ],
    ids=range(4),
)
def test_it_is_said_what_is_no_toml_and_where(text: str, found: str, *, has_hint: bool) -> None:
    only = problem(text)

    assert only.found == found
    assert (only.hint is not None) == has_hint


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"# ok\n# \xe9\n")

    assert file_problem(tmp_path / "none.toml") == "no such file"
    assert file_problem(tmp_path) == "Is a directory"
    assert file_problem(tmp_path / "latin.toml") == "a text that is not UTF-8"


def test_the_line_is_named_in_which_a_file_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"# ok\n# \xe9\n\n\n")

    with pytest.raises(ConfigInvalid) as caught:
        load(tmp_path / "latin.toml", {})

    assert [each.line for each in caught.value.problems] == [2]


def test_a_file_has_an_end(tmp_path: Path) -> None:
    (tmp_path / "long.toml").write_bytes(b"#" + b"x" * MAX_BYTES)
    (tmp_path / "longest.toml").write_bytes(b"#" + b"x" * (MAX_BYTES - 1))

    assert file_problem(tmp_path / "long.toml") == f"more than {MAX_BYTES} bytes"
    assert load(tmp_path / "longest.toml", {}) == load(None, {})


def test_what_hangs_on_an_unfit_part_is_no_problem_of_its_own() -> None:
    assert problem('providers = 5\n[models.m]\ntargets = ["x:y"]').key == "providers"


def test_of_two_lists_each_counts_its_own_unfit_parts() -> None:
    found = problems('[models.a]\ntargets = [5, "b:c"]\n[models.b]\ntargets = ["x:y", "x:y"]')

    assert [each.key for each in found] == [
        *("models.a.targets[0]", "models.a.targets[1]"),
        *("models.b.targets[0]", "models.b.targets[1]"),
    ]


def test_a_name_that_cannot_be_one_is_told_where_it_stands() -> None:
    assert problem('[auth]\npeppers = { x = "env:P" }', P="x1" * 16).key == "auth.peppers.x"
    assert problem("[limits_for.nobody]\nrequests_per_minute = 1").key == "limits_for.nobody"
    of_keys = problem("[limits_for.key]\nrequests_per_minute = 1")
    assert (of_keys.key, of_keys.expected) == ("limits_for.key", LIMITED)
    assert "[limits]" in (of_keys.hint or "")
    assert problem('[opencode]\ntenant = "Main"').key == "opencode.tenant"


@pytest.mark.req("P-35")
@pytest.mark.parametrize(
    "table",
    [
        name
        for name, shape in sections().items()
        if shape.get("type") == "object" and "properties" not in shape
    ],
)
def test_every_table_of_names_says_which_names_it_takes(table: str) -> None:
    found = problems(f'[{table}]\n"not a name" = {{}}')

    assert f'{table}."not a name"' in {each.key for each in found}


def test_a_profiles_value_is_not_a_table_because_the_file_has_one() -> None:
    with pytest.raises(ConfigInvalid) as caught:
        parse("[auth.foreign_users]\nx = 1", {}, profile="otari")

    assert [each.key for each in caught.value.problems] == ["auth.foreign_users"]


def test_as_many_calls_come_at_once_as_a_burst_or_else_a_minute_has() -> None:
    assert read("[limits]\nrequests_per_minute = 60").limits.most_at_once == 60
    assert read("[limits]\nrequests_per_minute = 60\nburst = 5").limits.most_at_once == 5


def test_keys_live_as_many_days_as_is_said_or_for_ever() -> None:
    assert read("").keys.lifetimes.longest_s is None
    assert read("[keys]\nlongest_life_days = 2").keys.lifetimes.longest_s == 2 * 86_400


@pytest.mark.req("OT-7")
def test_a_profile_lies_beneath_what_the_file_says() -> None:
    beneath = parse("", {}, profile="otari")
    beside = parse("[auth]\nfailures_per_minute = 5", {}, profile="otari")
    over = parse('[auth]\nforeign_users = "known"\n[otari]\ntenant = "acme"', {}, profile="otari")

    assert (beneath.otari.tenant, beneath.auth.foreign_users) == ("main", "refuse")
    assert (beside.auth.failures_per_minute, beside.auth.foreign_users) == (5, "refuse")
    assert (over.otari.tenant, over.auth.foreign_users) == ("acme", "known")
    assert read("").otari.tenant is None


def test_a_profile_that_does_not_exist_is_a_problem_that_names_those_that_do() -> None:
    with pytest.raises(ConfigInvalid) as caught:
        parse("", {}, profile="other")

    (only,) = caught.value.problems
    assert (only.key, only.expected) == ("--profile", "one of opencode, otari")


def file_problem(path: Path) -> str:
    with pytest.raises(ConfigInvalid) as caught:
        load(path, {})
    (only,) = caught.value.problems
    assert only.key == str(path)
    return only.found
