from __future__ import annotations

import pytest

from tollhouse.domain import passwords
from tollhouse.domain.passwords import weakness

KNOWN = frozenset({"password", "changeme", "letmein", "secret", "admin", "qwerty"})
USER = "main/anna.berg"
pytestmark = pytest.mark.req("OP-6", "OP-10")


@pytest.mark.parametrize(
    "password",
    [
        "admin123",
        "short",
        "",
        "Password1234",
        "P@ssw0rd2024!",
        "changeme12345",
        "Secret!!!!!!",
        "letmeinletmein",
        "aaaaaaaaaaaaaaaa",
        "abababababababab",
        "abcdefghijklm",
        "123456789012",
        "poiuytrewqmnb",
        "qwertyuiopas",
        "anna.berg-2026",
        "my-name-is-ANNA.BERG",
        "tab\tin the middle",
        "two\nlines of words",
        "x" * 10 + "abcdef" * 20,
    ],
)
def test_what_somebody_would_guess_is_no_password(password: str) -> None:
    assert weakness(password, USER, KNOWN) is not None


@pytest.mark.parametrize(
    "password",
    [
        *("correct horse battery", "kT9-vv2.Lq0x", "zwölf Boxkämpfer jagen"),
        *(
            "a secret that is long",
            "letmeinxkqpwvz",
            "kT9-vv2kT9-vv2",
            "abcdef" * 2,
            "xkqpwv9" * 18 + "ab",
        ),
    ],
)
def test_what_nobody_guesses_is_taken_whatever_kinds_of_letters_it_has(password: str) -> None:
    assert weakness(password, USER, KNOWN) is None


@pytest.mark.parametrize(
    ("user", "is_taken"), [("main/eve", True), ("main/evan", False), ("evan@example.org", False)]
)
def test_a_name_of_four_letters_is_one_that_somebody_would_guess(user: str, is_taken: bool) -> None:
    assert (weakness("correct eve evan battery", user, KNOWN) is None) is is_taken


def test_letters_are_the_same_however_a_keyboard_composes_them() -> None:
    assert passwords.normal("Zu\u0308rich") == passwords.normal("Z\u00fcrich")


def test_what_is_kept_does_not_show_its_hash() -> None:
    assert "canary" not in repr(passwords.Kept("$argon2id$canary", 1))
