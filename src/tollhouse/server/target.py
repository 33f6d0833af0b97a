"""What a request line names. Only ways of writing a path that every server reads alike."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from tollhouse.domain.errors import TargetInvalid

_is_plain = re.compile(
    rb"(?:/[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9_.~!$&'()*+,;=:@-]*)*/?"
).fullmatch
_is_broken = re.compile(rb"%(?![0-9A-Fa-f]{2})").search
_hides_slash = re.compile(rb"%2[fF]").search
_has_control = re.compile(rb"[\x00-\x1f\x7f\\]").search


def check_path(path: bytes) -> None:
    """Raises TargetInvalid. An encoded slash is let through: a model's name may have one."""
    if not path or not _is_plain(path):
        _check_each(path)


def check_tail(path: bytes, rest: str) -> None:
    """An encoded slash is a letter of a name at the end of a path, and nowhere else."""
    stem = path[: len(path) - len(rest)]
    if _hides_slash(stem):
        raise TargetInvalid("The path has an encoded slash.")


def _check_each(path: bytes) -> None:
    if not path.startswith(b"/"):
        raise TargetInvalid(
            "Send the path alone: `POST /v1/…`. No other host is reached from here."
        )
    if b"//" in path or b"#" in path or _is_broken(path) or not path.isascii():
        raise TargetInvalid
    decoded = unquote_to_bytes(path)
    if _has_control(decoded):
        raise TargetInvalid("The path has a control character or a backslash.")
    if any(segment in (b".", b"..") for segment in decoded.split(b"/")):
        raise TargetInvalid("The path has a `.` or `..` in it.")
    try:
        decoded.decode()
    except UnicodeDecodeError:
        raise TargetInvalid("The path is not UTF-8.") from None
