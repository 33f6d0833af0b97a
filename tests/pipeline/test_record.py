from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from fakes import FakeAnswer, FakeAudit, FakeExchange, FakeLedger, FakeProvider, FakeReply
from pipeline.houses import CALLER, KEY, NOW_NS, World, body, call, planned
from tollhouse.domain.audit import fingerprint
from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import (
    AuditUnavailable,
    BodyTooLarge,
    Internal,
    KeyMissing,
    Problem,
    UpstreamFailed,
    UpstreamUnreachable,
)
from tollhouse.domain.metering import Meter
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.record import recorded
from tollhouse.pipeline.serve import serve

WHOLE = b'{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}'


@pytest.mark.req("P-16", "B-3")
async def test_an_answered_call_leaves_one_record_of_who_what_and_how_much() -> None:
    world = _world(FakeExchange(FakeAnswer(200, [WHOLE])))

    await serve(call(), world.house)

    (record,) = world.audit.records
    assert (record["outcome"], record["status"], record["code"]) == ("ok", 200, None)
    assert (record["tenant"], record["key"], record["user"]) == ("acme", CALLER.key, "acme/anna")
    assert record["project"] == "acme/default"
    assert (record["model"], record["target"]) == ("m", "first:m-real")
    assert (record["input"], record["output"]) == (9, 2)
    assert record["owed_nanos"] == 9 * 1_000 + 2 * 2_000
    assert record["held_nanos"] == world.ledger.holds["call-1"].amount
    assert (record["credential"], record["peer"]) == (fingerprint(KEY), "192.0.2.1")
    assert record["attempts"] == 1
    assert "hello" not in str(record)


@pytest.mark.req("P-28", "P-16")
async def test_every_try_is_counted_the_one_that_answered_too() -> None:
    refused, answered = FakeExchange(FakeAnswer(500)), FakeExchange(FakeAnswer(200, [WHOLE]))
    world = _world(refused, answered)

    await serve(call(), world.house)

    (record,) = world.audit.records
    assert (record["attempts"], record["target"]) == (2, "second:m-real")


@pytest.mark.req("P-16")
@pytest.mark.parametrize(
    ("incoming", "code", "outcome"),
    [
        (call((b"cookie", b"x")), "key_missing", "refused"),
        (call((b"x-api-key", b"x")), "key_malformed", "refused"),
        (call(raw=BodyTooLarge()), "body_too_large", "refused"),
        (call(raw=b"{"), "json_malformed", "refused"),
        (call(raw=body(model="other")), "model_unknown", "refused"),
        (call(), "upstream_unreachable", "failed"),
    ],
)
async def test_a_refusal_or_failure_leaves_one_record_with_its_code(
    incoming: Call, code: str, outcome: str
) -> None:
    world = _world(*[FakeExchange(UpstreamUnreachable(), is_sent=False)] * 3)

    with pytest.raises(Problem) as problem:
        await serve(incoming, world.house)

    (record,) = world.audit.records
    assert (record["code"], record["outcome"]) == (code, outcome)
    assert record["status"] == problem.value.status
    assert record["owed_nanos"] == 0
    assert world.ledger.held == 0


@pytest.mark.req("S-16")
@pytest.mark.parametrize("error", [RuntimeError("canary"), KeyError("canary"), OSError("canary")])
async def test_an_unexpected_error_becomes_internal_without_detail(error: Exception) -> None:
    world = World()

    with pytest.raises(Internal) as internal:
        await serve(call(raw=error), world.house)

    assert "canary" not in f"{internal.value.detail}{internal.value.private}"
    assert [(it["code"], it["status"]) for it in world.audit.records] == [("internal", 500)]
    assert "canary" not in str(world.audit.records)
    assert world.watch.crashes == [error]


@pytest.mark.req("S-16", "B-6")
async def test_an_unexpected_error_while_money_is_held_still_settles() -> None:
    world = _world(FakeExchange(RuntimeError("x")))

    with pytest.raises(Internal):
        await serve(call(), world.house)

    assert len(world.audit.records) == len(world.ledger.settlements) == 1


@pytest.mark.req("P-16", "P-30")
@pytest.mark.parametrize(
    ("said", "outcome"), [(b"data: [DONE]\n\n", "ok"), (b": hello\n\n", "cut")]
)
async def test_who_leaves_with_the_last_word_has_cut_nothing(said: bytes, outcome: str) -> None:
    end = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
    answer = FakeAnswer(200, [end + said, None], {b"content-type": b"text/event-stream"})
    world, reply = _world(FakeExchange(answer)), FakeReply()
    task = asyncio.create_task(serve(call(raw=body(stream=True), reply=reply), world.house))
    while not reply.said:
        await asyncio.sleep(0)

    task.cancel()
    await asyncio.wait([task])

    (record,) = world.audit.records
    assert (record["outcome"], record["status"]) == (outcome, 200)


@pytest.mark.req("P-16", "P-30")
@pytest.mark.parametrize(("is_started", "status"), [(False, 499), (True, 200)])
async def test_a_caller_that_leaves_is_recorded_as_cut(is_started: bool, status: int) -> None:
    world = World(ledger=FakeLedger(gate=asyncio.Event()))
    task = asyncio.create_task(serve(call(reply=FakeReply(is_started=is_started)), world.house))
    while not world.ledger.holds:
        await asyncio.sleep(0)

    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    (record,) = world.audit.records
    assert (record["outcome"], record["status"], record["code"]) == ("cut", status, None)


@pytest.mark.req("P-16", "P-30")
async def test_who_leaves_before_a_whole_answer_was_begun_has_cut_it() -> None:
    world, meter = World(), Meter("call-1", planned())
    meter.outcome = Outcome.COMPLETED

    with suppress(asyncio.CancelledError), recorded(call(), world.house) as journal:
        journal.meter = meter
        raise asyncio.CancelledError

    (record,) = world.audit.records
    assert (record["outcome"], record["status"]) == ("cut", 499)


async def test_what_ends_the_process_is_recorded_and_no_error_of_ours() -> None:
    world = World()

    with pytest.raises(SystemExit), recorded(call(), world.house):
        raise SystemExit

    assert len(world.audit.records) == 1
    assert world.watch.crashes == []


@pytest.mark.req("P-16")
async def test_what_was_planned_and_not_admitted_held_nothing() -> None:
    world = World()

    with suppress(UpstreamFailed), recorded(call(), world.house) as journal:
        journal.plan = planned()
        raise UpstreamFailed

    assert world.audit.records[0]["held_nanos"] == 0


async def test_the_first_byte_has_its_moment() -> None:
    world = World()

    with recorded(call(reply=FakeReply(first_byte_ns=NOW_NS + 7_000_000)), world.house):
        pass
    with recorded(call(), world.house):
        pass

    assert [record["first_byte_ms"] for record in world.audit.records] == [7, None]


async def test_what_breaks_after_the_first_byte_keeps_its_status_and_has_its_code() -> None:
    world, reply = World(), FakeReply(is_started=True)

    with pytest.raises(UpstreamFailed), recorded(call(reply=reply), world.house):
        raise UpstreamFailed

    (record,) = world.audit.records
    assert (record["status"], record["code"], record["outcome"]) == (
        200,
        "upstream_failed",
        "failed",
    )


@pytest.mark.req("S-107")
async def test_a_strict_house_answers_nothing_while_records_cannot_be_written() -> None:
    world = World(audit=FakeAudit(is_healthy=False), insists_on_audit=True)

    with pytest.raises(AuditUnavailable):
        await serve(call(), world.house)

    assert world.ledger.holds == {}
    assert [record["code"] for record in world.audit.records] == ["audit_unavailable"]


@pytest.mark.parametrize(("is_strict", "is_healthy"), [(False, False), (True, True)])
async def test_a_house_goes_on_that_is_lenient_or_whose_records_can_be_written(
    is_strict: bool, is_healthy: bool
) -> None:
    world = _world(FakeExchange(FakeAnswer(200, [WHOLE])))
    world.insists_on_audit, world.audit.is_healthy = is_strict, is_healthy

    await serve(call(), world.house)

    assert len(world.audit.records) == 1


async def test_the_watch_hears_of_every_beginning_and_every_end() -> None:
    world = World()

    with pytest.raises(KeyMissing):
        await serve(call((b"cookie", b"x")), world.house)

    assert world.watch.began_count == 1
    ((record, problem),) = world.watch.ends
    assert isinstance(problem, KeyMissing)
    assert record.code == "key_missing"


@pytest.mark.req("B-6")
async def test_a_route_that_takes_too_long_is_ended_settled_and_recorded() -> None:
    world = _world(FakeExchange(None))

    with pytest.raises(Problem) as problem:
        await serve(call(deadline_s=0.02), world.house)

    assert problem.value.code == "upstream_timeout"
    assert [record["code"] for record in world.audit.records] == ["upstream_timeout"]
    assert len(world.ledger.settlements) == 1


def _world(*exchanges: FakeExchange) -> World:
    named = zip(("first", "second", "third"), exchanges, strict=False)
    return World(providers={name: FakeProvider(each) for name, each in named})
