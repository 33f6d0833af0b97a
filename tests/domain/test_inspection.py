"""What an inspector makes of a chain that says of itself what it likes."""

from __future__ import annotations

import pytest

from tollhouse.domain.chain import beginning, link
from tollhouse.domain.findings import Flaw, Summary
from tollhouse.domain.inspection import File, Inspector, Recovery


@pytest.mark.req("S-113")
@pytest.mark.parametrize(
    "told",
    [
        b'"file":"a"',
        b'"file":"a","size":1e999,"sha256":"0","lines":1',
        b'"file":"a","size":"many","sha256":"0","lines":1',
        b'"file":"a","size":1,"sha256":"0","lines":null',
        b'"file":' + b"[" * 1500 + b"]" * 1500,
        b'"file":"a',
    ],
    ids=lambda told: told[:40].decode(),
)
def test_a_recovery_that_does_not_say_what_was_torn_off_is_edited(told: bytes) -> None:
    inspector, line = _recovered(told)

    (found,) = inspector.inspect([File("w0/1", 1, [line])])

    assert (found.kind, found.seq) == (Flaw.EDITED, 1)
    assert inspector.recoveries == {}


@pytest.mark.parametrize(("lines", "flaw"), [(0, Flaw.TORN), (2, Flaw.EDITED)])
def test_a_recovery_is_told_by_what_was_torn_off(lines: int, flaw: Flaw) -> None:
    inspector, line = _recovered(b'"file":"a","size":7,"sha256":"0f","lines":%d' % lines)

    (found,) = inspector.inspect([File("w0/1", 1, [line])])

    assert (found.kind, found.seq) == (flaw, 1)
    assert inspector.recoveries == {"a": Recovery("a", 7, "0f", lines, 1)}


def _recovered(told: bytes) -> tuple[Inspector, bytes]:
    line, _ = link(beginning("w0"), b'"kind":"recovered",' + told)
    return Inspector("w0", {}, None, Summary()), line
