"""The names of another gateway's environment, under its profile."""

from __future__ import annotations

import pytest

from tollhouse.config import Settings
from tollhouse.config.loading import parse
from tollhouse.config.problems import ConfigInvalid

SECRET, OTHER = "canary-0123456789abcdef0123456789", "canary-fedcba9876543210fedcba98765"
pytestmark = pytest.mark.req("OP-7", "OP-4")


def told(text: str = "", **environ: str) -> Settings:
    return parse(text, environ, profile="opencode")


@pytest.mark.parametrize(
    "environ",
    [
        {"JWT_SECRET": SECRET},
        {"JWT_SECRET_KEY": SECRET},
        {"JWT_SECRET": SECRET, "JWT_SECRET_KEY": SECRET},
    ],
)
def test_the_secret_goes_by_either_name(environ: dict[str, str]) -> None:
    settings = told(**environ)

    assert settings.tokens.secrets[1].reveal() == SECRET
    assert (settings.opencode.tenant, settings.logins.minutes) == ("main", 60)


def test_two_names_that_say_different_things_refuse_the_start_and_show_neither() -> None:
    with pytest.raises(ConfigInvalid) as refused:
        told(JWT_SECRET=SECRET, JWT_SECRET_KEY=OTHER)

    said = str(refused.value)
    assert "JWT_SECRET_KEY" in said
    assert "JWT_SECRET" in said
    assert "canary" not in said


@pytest.mark.parametrize(
    "secret",
    [
        *("", "   ", "x" * 40, "short-but-nobody-knows-it"),
        *("dev-secret-key", "dev-secret-key-change-in-production", "quitcode-docker-secret"),
        "0123456789abcdef0123456789abcdef",
    ],
)
def test_a_secret_that_is_short_or_known_refuses_the_start(secret: str) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        told(JWT_SECRET=secret)

    assert "tokens.secrets" in str(refused.value)
    assert not secret.strip() or secret not in str(refused.value)


def test_without_a_secret_it_does_not_start() -> None:
    with pytest.raises(ConfigInvalid, match="JWT_SECRET"):
        told()


def test_how_long_a_login_is_good_goes_by_its_old_name() -> None:
    assert told(JWT_SECRET=SECRET, JWT_EXPIRE_MINUTES="90").logins.minutes == 90


@pytest.mark.parametrize("minutes", ["", "soon", "-1", "0", "1.5", "999999999"])
def test_what_is_no_number_of_minutes_refuses_the_start(minutes: str) -> None:
    with pytest.raises(ConfigInvalid):
        told(JWT_SECRET=SECRET, JWT_EXPIRE_MINUTES=minutes)


def test_what_the_file_says_itself_holds() -> None:
    text = '[logins]\nminutes = 5\n[tokens]\nsecrets = { 1 = "env:MINE", 2 = "env:OTHER" }\n'

    settings = told(text, MINE=OTHER, OTHER=OTHER, JWT_SECRET=SECRET, JWT_EXPIRE_MINUTES="90")

    assert (settings.logins.minutes, settings.tokens.secrets[1].reveal()) == (5, OTHER)


def test_without_the_profile_these_names_are_nobodys() -> None:
    assert parse("", {"JWT_SECRET": SECRET}).tokens.secrets == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[logins]\nminutes = 5\n", "logins.minutes"),
        (
            '[opencode]\ntenant = "main"\n[tokens]\nsecrets = { 1 = "env:S" }\n[logins]\nminutes = 90\n',
            "logins.minutes",
        ),
    ],
)
def test_logins_that_cannot_be_are_named(text: str, names: str) -> None:
    with pytest.raises(ConfigInvalid, match=names):
        parse(text, {"S": SECRET})


@pytest.mark.parametrize("text", ["tokens = 5", "logins = 5"])
def test_what_is_no_table_is_told_as_it_is(text: str) -> None:
    with pytest.raises(ConfigInvalid, match=text.split()[0]):
        told(text, JWT_SECRET=SECRET, JWT_EXPIRE_MINUTES="90")
