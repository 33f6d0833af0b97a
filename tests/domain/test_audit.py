"""Records, their lines, and what an inspector sees in them."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.audit import Record, ToolUse, fingerprint, shortened, timestamp
from tollhouse.domain.budget import Outcome, Settlement, Source
from tollhouse.domain.chain import MOST_UNSIGNED, Head, beginning, checkpoint, link, parsed
from tollhouse.domain.findings import Finding, Flaw, Summary
from tollhouse.domain.identity import Principal
from tollhouse.domain.inspection import File, Inspector
from tollhouse.domain.pricing import Usage

CALLER = Principal("abc", "acme", "acme/p", "acme/u", (1, 2, 3, 4), ("small",))


@pytest.mark.req("OC-34")
def test_a_record_says_who_asked_when_for_what_and_how_much_it_took() -> None:
    usage = Usage(10, 20, 3, 4)
    settled = Settlement(
        "call_1", Outcome.COMPLETED, 7, usage, Source.PROVIDER, "openai:small", 1, 0
    )
    record = a_record(caller=CALLER, settled=settled, tools=(ToolUse("search", 12),))

    told = record.fields()

    assert told["request_id"] == "req_1"
    assert (told["key"], told["tenant"], told["user"]) == ("abc", "acme", "acme/u")
    assert told["at"] == "2026-11-21T10:00:00.000000042Z"
    assert (told["model"], told["target"]) == ("small", "openai:small")
    assert (told["input"], told["output"], told["owed_nanos"]) == (10, 20, 7)
    assert (told["cache_read"], told["cache_write"]) == (3, 4)
    assert told["tools"] == [{"name": "search", "latency_ms": 12}]


@pytest.mark.req("OC-35", "S-108")
def test_a_record_has_no_field_for_content() -> None:
    names = {field.name for field in fields(Record)} | a_record().fields().keys()

    assert not names & {"query", "answer", "prompt", "completion", "messages", "content", "body"}


@pytest.mark.req("OC-10")
def test_a_credential_is_known_by_sixteen_hex_digits_of_its_hash_and_no_one_is_anonymous() -> None:
    assert fingerprint("secret") == hashlib.sha256(b"secret").hexdigest()[:16]
    assert a_record().fields()["key"] == "anonymous"


@pytest.mark.req("OC-37")
@pytest.mark.parametrize(
    ("at_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1_795_255_200_999_999_999, "2026-11-21T10:00:00.999999999Z"),
    ],
)
def test_a_timestamp_is_utc_with_nanoseconds(at_ns: int, text: str) -> None:
    assert timestamp(at_ns) == text


def test_long_texts_are_cut_at_any_depth() -> None:
    cut = shortened({"a": "x" * 9, "b": [{"c": "y" * 9}], "d": 123456789, "e": "short"}, 5)

    assert cut == {"a": "xxxx…", "b": [{"c": "yyyy…"}], "d": 123456789, "e": "short"}


@pytest.mark.req("S-111")
def test_a_line_is_an_object_that_carries_the_hash_of_the_one_before() -> None:
    first, head = link(beginning("w0"), b'"kind":"call","n":1')
    second, _ = link(head, b'"kind":"call","n":2')

    one, two = json.loads(first), json.loads(second)

    assert one["prev"] == hashlib.sha256(b"w0").hexdigest()
    assert two["prev"] == one["hash"]
    assert one["hash"] == hashlib.sha256(first[: first.index(b',"hash"')]).hexdigest()
    assert (one["seq"], two["seq"], two["n"], two["v"], two["writer"]) == (1, 2, 2, 1, "w0")


@given(st.binary(max_size=300))
def test_no_bytes_upset_the_parser(raw: bytes) -> None:
    assert parsed(raw) is None


def test_an_untouched_chain_has_no_findings_and_is_summed_up() -> None:
    summary = Summary()

    found = inspected([a_chain(25, every=10)], summary=summary)

    assert found == []
    assert (summary.records, summary.checkpoints, summary.writers) == (27, 2, 1)
    assert summary.unsigned == 5
    assert summary.first_at == "2026-11-21T10:00:00.000000001Z"
    assert summary.last_at == "2026-11-21T10:00:00.000000025Z"


@pytest.mark.req("S-113")
def test_an_edited_record_is_named() -> None:
    lines = a_chain(9)
    lines[4] = lines[4].replace(b'"n":5', b'"n":6')

    assert marks(inspected([lines])) == [(Flaw.EDITED, 5, 5)]


@pytest.mark.req("S-113")
def test_a_record_that_was_edited_and_hashed_anew_is_named() -> None:
    lines = a_chain(9)
    lines[4], _ = link(head_of(lines[3]), b'"kind":"call","n":99')

    assert marks(inspected([lines])) == [(Flaw.EDITED, 5, 5)]


@pytest.mark.req("S-112")
def test_a_chain_that_was_rewritten_from_a_record_on_fails_at_the_next_checkpoint() -> None:
    lines = rechained(a_chain(9, every=5), 2, b'"kind":"call","n":99')

    assert marks(inspected([lines])) == [(Flaw.FORGED, 6, 6)]


@pytest.mark.req("S-112")
def test_a_checkpoint_under_an_unknown_key_is_forged() -> None:
    lines = a_chain(9, every=5, key="f" * 16)

    assert marks(inspected([lines])) == [(Flaw.FORGED, 6, 6)]


@pytest.mark.req("S-112")
def test_a_chain_without_checkpoints_is_not_believed_for_long() -> None:
    lines = a_chain(MOST_UNSIGNED + 2)

    assert marks(inspected([lines])) == [(Flaw.FORGED, MOST_UNSIGNED + 1, MOST_UNSIGNED + 1)]


@pytest.mark.req("S-113")
def test_deleted_records_are_counted_out() -> None:
    lines = a_chain(9)
    del lines[3:6]

    found = inspected([lines])

    assert marks(found) == [(Flaw.DELETED, 4, 4)]
    assert found[0].says == "Records 4 to 6 are missing before this line."


@pytest.mark.req("S-113")
def test_two_records_that_changed_places_are_one_finding() -> None:
    lines = a_chain(9)
    lines[3], lines[4] = lines[4], lines[3]

    assert marks(inspected([lines])) == [(Flaw.REORDERED, 5, 4)]


@pytest.mark.req("S-113")
def test_a_record_that_stands_twice_is_inserted() -> None:
    lines = a_chain(9)
    lines.insert(7, lines[2])

    assert marks(inspected([lines])) == [(Flaw.INSERTED, 8, 3)]


@pytest.mark.req("S-113")
def test_a_part_of_another_chain_is_found_as_one_insertion_and_what_it_replaced_as_missing() -> (
    None
):
    lines = a_chain(9)
    lines[3:6] = a_chain(9, writer="w1")[3:6]

    assert marks(inspected([lines])) == [(Flaw.INSERTED, 4, 4), (Flaw.DELETED, 7, 4)]


@pytest.mark.req("S-113")
def test_files_that_changed_names_are_found() -> None:
    lines = a_chain(9)

    found = inspected([lines[3:6], lines[:3], lines[6:]])

    assert marks(found) == [(Flaw.REORDERED, 1, 1)]


def test_a_file_with_a_wrong_name_is_found_though_its_records_are_in_order() -> None:
    lines = a_chain(4)
    inspector = Inspector("w0", KEYS, None, Summary())

    found = list(inspector.inspect([File("w0/2", 2, lines)]))

    assert marks(found) == [(Flaw.EDITED, 1, 1)]


@pytest.mark.req("B-3")
def test_a_chain_shorter_than_its_anchored_head_is_truncated() -> None:
    lines = a_chain(9)
    anchored = head_of(lines[8])

    assert marks(inspected([lines[:6]], anchored)) == [(Flaw.TRUNCATED, 6, 7)]
    assert marks(inspected([], anchored)) == [(Flaw.DELETED, None, 1)]


@pytest.mark.req("B-3")
def test_a_chain_that_was_rewritten_whole_contradicts_its_anchored_head() -> None:
    lines = a_chain(9)

    found = inspected([rechained(lines, 2, b'"kind":"call","n":99')], head_of(lines[6]))

    assert marks(found) == [(Flaw.EDITED, 7, 7)]


def test_records_after_the_anchored_head_are_counted() -> None:
    lines, summary = a_chain(9), Summary()

    found = inspected([lines], head_of(lines[6]), summary)

    assert found == []
    assert summary.unanchored == 2


def test_a_file_that_ends_within_a_line_is_unterminated() -> None:
    lines = a_chain(3)

    assert marks(inspected([[*lines[:2], lines[2][:-20]]])) == [(Flaw.UNTERMINATED, 3, 3)]
    assert marks(inspected([[*lines[:2], lines[2][:-1]]])) == [(Flaw.UNTERMINATED, 3, 3)]


@pytest.mark.req("S-113")
@given(st.data())
def test_no_arrangement_of_a_signed_and_anchored_chain_passes_but_the_true_one(
    data: st.DataObject,
) -> None:
    lines = a_chain(8, every=4)
    indexes = st.lists(st.integers(0, len(lines) - 1), max_size=len(lines) + 2)
    arrangement = [lines[index] for index in data.draw(indexes)]

    found = inspected([arrangement], head_of(lines[-1]))

    assert bool(found) == (arrangement != lines)


KEY_ID = "0123456789abcdef"


def sign(text: bytes) -> bytes:
    return hmac.digest(b"as good as a signature here", text, "sha512")


KEYS = {KEY_ID: lambda signature, text: hmac.compare_digest(signature, sign(text))}


def a_record(**changes: object) -> Record:
    values: dict[str, object] = {
        "call": "call_1",
        "request_id": "req_1",
        "at_ns": 1_795_255_200_000_000_042,
        "route": "chat",
        "method": "POST",
        "status": 200,
        "outcome": "ok",
        "peer": "127.0.0.1",
        "latency_ms": 5,
        "model": "small",
    }
    return Record(**{**values, **changes})  # type: ignore[arg-type] # the table stands in for keywords


def a_chain(records: int, *, writer: str = "w0", every: int = 0, key: str = KEY_ID) -> list[bytes]:
    head, lines = beginning(writer), []
    for n in range(1, records + 1):
        at = timestamp(1_795_255_200_000_000_000 + n).encode()
        line, head = link(head, b'"kind":"call","at":"%b","n":%d' % (at, n))
        lines.append(line)
        if every and n % every == 0:
            line, head = checkpoint(head, at.decode(), key, sign)
            lines.append(line)
    return lines


def rechained(lines: list[bytes], index: int, fields: bytes) -> list[bytes]:
    """The chain as a forger without the key leaves it: one record other, all hashes right."""
    line, head = link(head_of(lines[index - 1]), fields)
    forged = [*lines[:index], line]
    for old in lines[index + 1 :]:
        body = old[old.index(b'"kind"') : old.index(b',"hash"')]
        line, head = link(head, body)
        forged.append(line)
    return forged


def head_of(raw: bytes) -> Head:
    line = parsed(raw)
    assert line is not None
    return Head(line.writer, line.seq, line.hash)


def inspected(
    files: list[list[bytes]], anchored: Head | None = None, summary: Summary | None = None
) -> list[Finding]:
    first, named = 1, []
    for number, lines in enumerate(files):
        named.append(File(f"w0/{number}", first, lines))
        first += len(lines)
    inspector = Inspector("w0", KEYS, anchored, summary or Summary())
    return list(inspector.inspect(named))


def marks(found: list[Finding]) -> list[tuple[Flaw, int | None, int | None]]:
    return [(finding.kind, finding.line, finding.seq) for finding in found]
