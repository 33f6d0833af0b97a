"""What an inspector makes of a chain that says of itself what it likes."""

from __future__ import annotations

import pytest

from tollhouse.domain.chain import LONGEST_LINE, Head, beginning, checkpoint, link, parsed
from tollhouse.domain.findings import Flaw, Summary
from tollhouse.domain.inspection import File, Inspector, Recovery


def _at(second: int) -> bytes:
    return b"2026-11-21T10:00:%02d.000000000Z" % second


def _chain(records: int) -> list[bytes]:
    lines, head = [], beginning("w0")
    for number in range(records):
        line, head = link(head, b'"kind":"call","at":"%b"' % _at(number))
        lines.append(line)
    return lines


L = _chain(5)
EDITED = L[1].replace(b"10:00", b"11:00")
FAR_AND_EDITED = L[1].replace(b'"seq":2', b'"seq":9')
OTHER_AND_EDITED = L[1].replace(b'"writer":"w0"', b'"writer":"w1"')
NOT_FIRST, _ = link(Head("w0", 0, "0" * 64), b'"kind":"call"')
MISSING, _ = link(beginning("w0"), b'"kind":"missing"')
UNSIGNED, _ = link(beginning("w0"), b'"kind":"checkpoint"')
SIGNED, _ = checkpoint(
    beginning("w0"), _at(1).decode(), "0123456789abcdef", lambda text: text[:1] * 64
)


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


@pytest.mark.req("S-113")
@pytest.mark.parametrize("more", [0, 1])
def test_a_line_is_so_long_and_no_longer(more: int) -> None:
    short, _ = link(beginning("w0"), b'"kind":"call","x":""')
    padding = b"a" * (LONGEST_LINE - len(short) + more)

    line, _ = link(beginning("w0"), b'"kind":"call","x":"%b"' % padding)

    assert len(line) == LONGEST_LINE + more
    assert (parsed(line) is None) is (more > 0)


def test_an_empty_file_is_named() -> None:
    (found,) = _inspector().inspect([File("w0/5", 5, [])])

    assert (found.kind, found.file, found.line, found.seq) == (Flaw.TRUNCATED, "w0/5", None, 5)


@pytest.mark.req("S-113")
@pytest.mark.parametrize(
    ("lines", "marks"),
    [
        pytest.param([b"x" * LONGEST_LINE], [(Flaw.EDITED, 1, 1)], id="a line without an end"),
        pytest.param([L[0], L[1][:-1]], [(Flaw.UNTERMINATED, 2, 2)], id="without its newline"),
        pytest.param([L[0], L[1][:50]], [(Flaw.UNTERMINATED, 2, 2)], id="half a line"),
        pytest.param([L[0], b"garbage\n", L[2]], [(Flaw.EDITED, 2, 2)], id="one illegible"),
        pytest.param(
            [L[0], b"x" + L[1][:-1] + L[2], L[3]],
            [(Flaw.EDITED, 2, 2)],
            id="two illegible in one line",
        ),
        pytest.param(
            [L[0], b"garbage\n", L[2], L[4]],
            [(Flaw.EDITED, 2, 2), (Flaw.DELETED, 4, 4)],
            id="one illegible, and later one gone",
        ),
        pytest.param([L[0], L[0]], [(Flaw.INSERTED, 2, 1)], id="the last one again"),
        pytest.param([L[0], EDITED, L[2]], [(Flaw.EDITED, 2, 2)], id="an edited one"),
        pytest.param(
            [L[0], FAR_AND_EDITED, L[1]], [(Flaw.EDITED, 2, 2)], id="edited in its number"
        ),
        pytest.param(
            [L[0], OTHER_AND_EDITED, L[1]], [(Flaw.EDITED, 2, 2)], id="edited in its name"
        ),
        pytest.param(
            [L[0], L[1], L[0], L[2], L[1]],
            [(Flaw.INSERTED, 3, 1), (Flaw.INSERTED, 5, 2)],
            id="two that stand apart",
        ),
        pytest.param([NOT_FIRST], [(Flaw.EDITED, 1, 1)], id="begun elsewhere"),
        pytest.param([MISSING], [(Flaw.TRUNCATED, 1, 1)], id="one that was anchored was gone"),
    ],
)
def test_what_is_wrong_is_found_once_where_it_is(
    lines: list[bytes], marks: list[tuple[Flaw, int, int]]
) -> None:
    found = list(_inspector().inspect([File("w0/1", 1, lines)]))

    assert [(each.kind, each.line, each.seq) for each in found] == marks


def test_after_a_torn_line_the_next_file_goes_on() -> None:
    files = [File("w0/1", 1, [L[0], L[1][:50]]), File("w0/3", 3, [L[2]])]

    found = list(_inspector().inspect(files))

    assert [each.kind for each in found] == [Flaw.UNTERMINATED]


def test_the_last_line_counts_though_its_newline_is_gone() -> None:
    inspector = _inspector()

    list(inspector.inspect([File("w0/1", 1, [L[0][:-1]])]))

    assert inspector.head.seq == 1


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([L[0], EDITED], "its hash does not fit"),
        ([L[0], L[2]], "Record 2 is missing"),
        ([L[0], L[3]], "Records 2 to 3 are missing"),
        ([UNSIGNED], "signed by nobody"),
        ([SIGNED], "signed by the key 0123456789abcdef, which is not given"),
        ([NOT_FIRST], "does not begin this chain"),
    ],
)
def test_what_is_found_is_told_in_words(lines: list[bytes], says: str) -> None:
    (found,) = _inspector().inspect([File("w0/1", 1, lines)])

    assert says in found.says


def test_all_that_belongs_to_the_chain_is_summed_up() -> None:
    summary = Summary()
    inspector = Inspector("w0", {}, None, summary)

    list(inspector.inspect([File("w0/1", 1, [L[0], L[2], L[1]])]))

    assert (summary.records, summary.writers, summary.heads) == (3, 1, {"w0": inspector.head})
    assert (summary.first_at, summary.last_at) == (_at(0).decode(), _at(2).decode())


def test_where_nothing_was_written_there_is_no_writer() -> None:
    summary = Summary()

    list(Inspector("w0", {}, None, summary).inspect([]))

    assert (summary.writers, summary.heads) == (0, {})


def test_the_first_and_the_last_moment_are_told_in_whatever_order_they_come() -> None:
    summary, lines, head = Summary(), [], beginning("w0")
    for second in (5, 3, 7, 4):
        line, head = link(head, b'"kind":"call","at":"%b"' % _at(second))
        lines.append(line)

    list(Inspector("w0", {}, None, summary).inspect([File("w0/1", 1, lines)]))

    assert (summary.first_at, summary.last_at) == (_at(3).decode(), _at(7).decode())


@pytest.mark.req("B-3")
def test_the_head_that_was_anchored_may_be_the_last() -> None:
    anchored = parsed(L[4])
    assert anchored is not None

    inspector = Inspector("w0", {}, Head("w0", 5, anchored.hash), Summary())

    assert list(inspector.inspect([File("w0/1", 1, L)])) == []


@pytest.mark.req("S-113")
def test_however_many_records_are_missing_each_gap_is_told() -> None:
    lines, head = [], beginning("w0")
    for _ in range(20_003):
        line, head = link(head, b'"kind":"call"')
        lines.append(line)

    found = list(_inspector().inspect([File("w0/1", 1, lines[::2])]))

    assert [each.kind for each in found].count(Flaw.DELETED) == 10_001


def _inspector() -> Inspector:
    return Inspector("w0", {}, None, Summary())


def _recovered(told: bytes) -> tuple[Inspector, bytes]:
    line, _ = link(beginning("w0"), b'"kind":"recovered",' + told)
    return Inspector("w0", {}, None, Summary()), line
