"""What a request to the Admin API says of itself, read to the letter, before anything is done for it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, cast

import msgspec
import pytest

from fakes import FakeReply
from pipeline.houses import call
from tollhouse.admin.asking import LARGEST_PAGE, USUAL_PAGE, Answer, Asking
from tollhouse.admin.resource import Resource
from tollhouse.admin.serving import LONGEST_VALUE, _expected, _once, _query, _send, serving
from tollhouse.control.acting import Desk
from tollhouse.domain import operations
from tollhouse.domain.errors import (
    FieldInvalid,
    FieldRefused,
    PreconditionRequired,
    Problem,
    RoleInsufficient,
)
from tollhouse.domain.roles import Actor
from tollhouse.pipeline.call import Call

pytestmark = pytest.mark.req("B-12", "S-45")


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    inner: dict[str, int] = {}


def asking(query: dict[str, str] | None = None, body: Any = None) -> Asking:
    """Of nobody, at no desk."""
    return Asking(
        office=cast(Any, None),
        desk=cast(Desk, None),
        actor=cast(Actor, None),
        request_id="r",
        id="",
        body=body or {},
        query=query or {},
    )


def resource(**how: Any) -> Resource:
    given = {"name": "r", "method": "GET", "path": "/r", "summary": "", "operations": ()}
    return Resource(**{**given, "serve": cast(Any, None), **how})


def asked(*headers: tuple[bytes, bytes], query: bytes = b"", method: str = "GET") -> Call:
    it = call(*headers)
    return replace(it, query=query, headers=headers, route=replace(it.route, method=method))


def names(answer: Answer) -> tuple[list[str], str | None]:
    return answer.value["data"], answer.value["next"]


@pytest.mark.parametrize("limit", ["1", str(LARGEST_PAGE)])
def test_as_many_as_a_page_may_have(limit: str) -> None:
    rows = [f"{number:04}" for number in range(LARGEST_PAGE + 1)]

    told, more = names(asking({"limit": limit}).page(rows, str, str))

    assert told == rows[: int(limit)]
    assert more


@pytest.mark.parametrize(
    "limit", ["0", "1001", "", "-1", "+1", "1e2", " 1", "01000", "x", "\u0661"]
)
def test_a_limit_that_is_none(limit: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        asking({"limit": limit}).page([], str, str)

    assert refused.value.param == "limit"


@pytest.mark.parametrize("after", ["A", "!!!!", "ä", "YQ YQ", "_w"])
def test_a_page_that_is_behind_none(after: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        asking({"after": after}).page([], str, str)

    assert refused.value.param == "after"


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
def test_page_by_page_each_is_told_once(count: int) -> None:
    rows = [chr(ord("ä") + number) for number in reversed(range(count))]
    told: list[str] = []
    after: str | None = ""

    while after is not None:
        page, after = names(asking({"limit": "2", "after": after}).page(rows, str, str))
        assert len(page) <= 2
        told += page

    assert told == sorted(rows)


def test_a_usual_page() -> None:
    told, more = names(asking().page(map(str, range(USUAL_PAGE)), str, str))

    assert (len(told), more) == (USUAL_PAGE, None)


@pytest.mark.parametrize(("size", "is_more"), [(0, False), (1, False), (2, True)])
async def test_what_the_store_gives_page_by_page_goes_on_while_pages_are_full(
    size: int, is_more: bool
) -> None:
    seen: list[tuple[int, str]] = []

    async def fetch(limit: int, after: str) -> list[str]:
        seen.append((limit, after))
        return ["a", "b"][:size]

    told, more = names(await asking({"limit": "2"}).pages(fetch, str, str))
    assert (told, more is not None) == (["a", "b"][:size], is_more)
    if more is not None:
        await asking({"limit": "2", "after": more}).pages(fetch, str, str)

    assert seen == [(2, ""), (2, "b")][: 1 + is_more]


@pytest.mark.req("S-46")
def test_of_all_rows_those_are_seen_that_may_be() -> None:
    name = next(iter(operations.OPERATIONS))

    def seen(*places: str) -> list[str]:
        actor = cast(Actor, _Seeing(places))
        return replace(asking(), actor=actor).seen(name, ["a", "b"], cast(Any, str))

    assert (seen("a", "b"), seen("b")) == (["a", "b"], ["b"])
    with pytest.raises(RoleInsufficient):
        seen()


@pytest.mark.parametrize(
    ("body", "kind", "param"),
    [
        ([1], FieldInvalid, None),
        ({"name": "x", "more": 1}, FieldRefused, "more"),
        ({"name": 1}, FieldInvalid, "name"),
        ({}, FieldInvalid, "name"),
        ({"name": "x", "inner": 1}, FieldInvalid, "inner"),
        ({"name": "x", "inner": {"a": "b"}}, FieldInvalid, "inner[...]"),
    ],
    ids=str,
)
def test_a_member_that_does_not_fit_is_named(
    body: Any, kind: type[Problem], param: str | None
) -> None:
    with pytest.raises(kind) as refused:
        asking(body=body).read(Wish)

    assert type(refused.value) is kind
    assert refused.value.param == param


def test_a_secret_is_told_once_and_kept_as_none() -> None:
    answer = Answer({"id": "k", "key": "secret"}, secrets=("key",))

    assert json.loads(answer.body())["key"] == "secret"
    assert json.loads(answer.body(is_kept=True)) == {"id": "k", "key": None}
    assert json.loads(Answer({"id": "k"}).body(is_kept=True)) == {"id": "k"}


def test_a_query_says_each_thing_once_and_only_what_is_known() -> None:
    longest = "x" * LONGEST_VALUE
    known = resource(query=("of",), is_list=True)

    said = _query(asked(query=f"of={longest}&limit=1&after=".encode()), known)
    assert said == {"of": longest, "limit": "1", "after": ""}

    for query in ("off=1", "of=1&of=1", f"of={longest}x", f"{'n' * 99}=1"):
        with pytest.raises(FieldInvalid) as refused:
            _query(asked(query=query.encode()), known)
        assert refused.value.param == query.partition("=")[0][:60]
        assert len(refused.value.detail) < 200
    with pytest.raises(FieldInvalid):
        _query(asked(query=b"limit=1"), resource(query=("of",)))


@pytest.mark.parametrize(
    ("said", "expected"),
    [(b'"a"', '"a"'), (b' "a" ', '"a"'), (b"*", None), (b'"' + b"a" * 100 + b'"', "a" * 100)],
)
def test_the_state_that_was_seen(said: bytes, expected: str | None) -> None:
    given = _expected(asked((b"if-match", said)), resource(method="PATCH"))

    assert given == (expected if expected is None or '"' in expected else f'"{expected}"')


@pytest.mark.parametrize(
    "said",
    [b"", b"a", b'"a', b'""', b'"a","b"', b'W/"a"', b"**", b'"' + b"a" * 101 + b'"', b'"\xe4"'],
)
def test_a_state_that_nobody_saw(said: bytes) -> None:
    with pytest.raises(FieldInvalid) as refused:
        _expected(asked((b"if-match", said)), resource(method="PATCH"))

    assert refused.value.param == "If-Match"


def test_who_changes_something_says_what_they_saw() -> None:
    for method in ("PATCH", "PUT", "DELETE"):
        with pytest.raises(PreconditionRequired):
            _expected(asked(), resource(method=method))
        assert _expected(asked(), resource(method=method, is_guarded=False)) is None
    assert _expected(asked(), resource(method="POST")) is None


def test_what_may_come_again_is_known_by_who_asks_for_what() -> None:
    def key(actor: Actor, *, body: bytes = b"{}", said: bytes = b"k", rest: str = "") -> Any:
        it = replace(asked((b"idempotency-key", said), method="POST"), path_rest=rest)
        return _once(it, resource(method="POST"), actor, body)

    anna, bob = (cast(Actor, _Somebody(name)) for name in ("anna", "bob"))

    assert key(anna) == key(anna, said=b" k ")
    others = [key(bob), key(anna, body=b"[]"), key(anna, said=b"l"), key(anna, rest="x")]
    assert all(other != key(anna) for other in others)
    assert _once(asked(method="POST"), resource(method="POST"), anna, b"") is None
    assert _once(asked((b"idempotency-key", b"k")), resource(method="PATCH"), anna, b"") is None


@pytest.mark.parametrize("status", [200, 201])
async def test_an_answer_is_json_with_its_length(status: int) -> None:
    reply = FakeReply()

    await _send(replace(asked(), reply=reply), status, b"{}", [(b"etag", b'"a"')])

    assert (reply.status, reply.said, reply.is_ended) == (status, b"{}", True)
    assert dict(reply.headers) == {
        b"content-type": b"application/json",
        b"content-length": b"2",
        b"etag": b'"a"',
    }


async def test_nothing_has_no_body() -> None:
    reply = FakeReply()

    await _send(replace(asked(), reply=reply), 204, b"{}", [])

    assert (reply.status, reply.said, reply.is_ended, reply.headers) == (204, b"", True, ())


async def test_what_is_described_alone_is_not_served() -> None:
    with pytest.raises(RuntimeError):
        await serving(resource(), None)(asked(), cast(Any, None))


@dataclass
class _Seeing:
    """Whoever may see these."""

    places: tuple[str, ...]

    def may_anywhere(self, operation: object) -> bool:
        return bool(self.places)

    def role_for(self, operation: object, place: str) -> str | None:
        return "viewer" if place in self.places else None


class _Somebody:
    ceiling, only = None, None

    def __init__(self, name: str) -> None:
        self.name = name
