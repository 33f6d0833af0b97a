"""From a request on the wire to a call on the one line, or to one of the few open paths."""

from __future__ import annotations

import asyncio
from functools import partial
from urllib.parse import unquote

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

from tollhouse.domain.errors import Problem
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.route import Route, RouteTable
from tollhouse.server.body import read_json_body
from tollhouse.server.health import Health
from tollhouse.server.problems import send_plain_problem, send_problem
from tollhouse.server.reply import WireReply
from tollhouse.server.request_id import request_id


class App:
    """The ASGI application: the whole outside of the house. It answers through the connection itself."""

    def __init__(
        self,
        house: House,
        routes: RouteTable,
        refusing: tuple[Route, Route, Route],
        health: Health,
        most_at_once: int,
    ) -> None:
        self._house = house
        self._routes = routes
        self._unknown_path, self._wrong_method, self._overloaded = refusing
        self._health = health
        self._most_at_once = most_at_once
        self._under_way = 0

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, _send: ASGISendCallable
    ) -> None:
        if scope["type"] != "http":
            return
        try:
            await self._answer(scope, receive)
        except asyncio.CancelledError:
            return  # the caller has left, or the house closes: all that holds something was told on the way

    async def _answer(self, scope: HTTPScope, receive: ASGIReceiveCallable) -> None:
        path = scope["raw_path"].decode("ascii")  # as it came: `%2f` is no slash, `%63` no letter
        method, headers = scope["method"], list(scope["headers"])
        call_request_id = request_id(headers)
        encoded = call_request_id.encode("ascii")
        every = (
            (b"x-request-id", encoded),
            (b"request-id", encoded),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
        )
        connection = scope["state"]["connection"]
        reply = WireReply(connection, every, self._house.clock_ns)
        if await self._health.answers(method, path, reply):
            return
        route, rest = self._route(method, path)
        client = scope["client"]
        call = Call(
            id=self._house.new_id(),
            request_id=call_request_id,
            route=route,
            path_rest=unquote(rest),
            query=scope["query_string"],
            headers=headers,
            peer=client[0] if client else "",
            began_ns=self._house.clock_ns(),
            read_body=partial(
                read_json_body, receive, connection.has_whole_body, headers, route.max_body_bytes
            ),
            reply=reply,
        )
        self._under_way += 1
        try:
            await route.serve(call, self._house)
        except Problem as problem:
            await self._send(call, problem, path)
        finally:
            self._under_way -= 1
            reply.close()

    def _route(self, method: str, path: str) -> tuple[Route, str]:
        if self._under_way >= self._most_at_once:
            return self._overloaded, ""
        routes, rest = self._routes.find(path)
        return routes.get(method) or (self._wrong_method if routes else self._unknown_path), rest

    async def _send(self, call: Call, problem: Problem, path: str) -> None:
        if call.route in (self._unknown_path, self._wrong_method):
            await send_plain_problem(call.reply, problem, path, call.request_id)
        else:
            await send_problem(call, problem)
