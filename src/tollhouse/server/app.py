"""From a request on the wire to a call on the one line, or to one of the few open paths."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote

from tollhouse.domain.errors import (
    HttpMalformed,
    MethodNotAllowed,
    Overloaded,
    Problem,
    RouteUnknown,
)
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.refuse import refuse
from tollhouse.pipeline.route import Route, RouteTable, Takes
from tollhouse.ports import Body
from tollhouse.server import target
from tollhouse.server.body import read_form, read_json_body
from tollhouse.server.connection import Connection
from tollhouse.server.health import Health
from tollhouse.server.hosts import Hosts, Origins
from tollhouse.server.peers import Networks, caller
from tollhouse.server.problems import send_plain_problem, send_problem
from tollhouse.server.reply import WireReply
from tollhouse.server.request import Request
from tollhouse.server.request_id import request_id
from tollhouse.server.spool import Disk, Spool

Read = Callable[..., Awaitable[Body]]
EVERY = (
    b"x-request-id: %b\r\nrequest-id: %b\r\n"
    b"x-content-type-options: nosniff\r\ncache-control: no-store\r\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What the door asks of every request, whatever it is for."""

    hosts: Hosts
    origins: Origins
    trusted: Networks
    most_at_once: int
    needs_length: bool = False


class App:
    """The whole outside of the house."""

    def __init__(
        self,
        house: House,
        routes: RouteTable,
        unrouted: Route,
        health: Health | None,
        manners: Manners,
        disk: Disk,
    ) -> None:
        self._house = house
        self._routes = routes
        self._declared = {route.path.encode(): routes.find(route.path)[0] for route in routes}
        """What is written just so needs no second look."""

        self._unrouted = unrouted
        self._health = health
        self._manners = manners
        self._disk = disk
        self._under_way = 0

    async def answer(self, request: Request, connection: Connection) -> None:
        fields, manners = request.fields, self._manners
        named = request_id(fields)
        encoded = named.encode("ascii")
        every = EVERY % (encoded, encoded) + manners.origins.lines(fields)
        reply = WireReply(connection, every, self._house.clock_ns)
        path, _, query = request.target.partition(b"?")
        declared = self._declared.get(path)
        refusal = self._refusal(request, path, is_declared=declared is not None)
        is_question = declared is None or request.method == "OPTIONS"
        if is_question and refusal is None and await self._is_open(request, path, reply):
            return
        route, rest, refusal = self._route(request, path, declared, refusal)
        spool = Spool(self._disk) if route.takes is Takes.FORM else None
        read: Read = read_json_body
        if spool is not None:
            read = partial(read_form, spool=spool)
        elif route.takes is not Takes.JSON:
            read = partial(read_json_body, by_any_name=True)
        call = Call(
            id=self._house.new_id(),
            request_id=named,
            route=route,
            path_rest=rest and unquote(rest),
            query=query,
            headers=request.headers,
            peer=caller(connection.peer, request.headers, manners.trusted),
            began_ns=self._house.clock_ns(),
            read_body=partial(
                read,
                connection,
                request,
                route.max_body_bytes,
                needs_length=manners.needs_length,
            ),
            reply=reply,
            fields=fields,
            refusal=refusal,
            certificate=connection.certificate,
        )
        serve = route.serve if refusal is None else refuse
        self._under_way += 1
        try:
            await serve(call, self._house)
        except Problem as problem:
            if route.is_plain:
                await send_plain_problem(call, problem)
            else:
                await send_problem(call, problem)
            problem.forget()
        finally:
            self._under_way -= 1
            reply.close()
            if spool is not None:
                spool.close()

    def _refusal(self, request: Request, path: bytes, *, is_declared: bool) -> Problem | None:
        """What is wrong with the request, whatever it is for."""
        if request.problem is not None:
            return request.problem
        try:
            self._manners.hosts.check(request.fields)
            self._manners.origins.check(request.fields)
            if not is_declared:
                target.check_path(path)
        except HttpMalformed as problem:
            request.keeps_alive = False  # what follows it is not read either
            return problem
        except Problem as problem:
            return problem
        return None

    async def _is_open(self, request: Request, path: bytes, reply: WireReply) -> bool:
        """Whether it was a question that anybody may ask, and is answered."""
        preflight = self._manners.origins.preflight(request.method, request.fields)
        if preflight is not None:
            await reply.start(204, preflight)
            await reply.end()
            return True
        if self._health is None:
            return False
        return await self._health.answers(request.method, path.decode("latin-1"), reply)

    def _route(
        self,
        request: Request,
        path: bytes,
        declared: Mapping[str, Route] | None,
        refusal: Problem | None,
    ) -> tuple[Route, str, Problem | None]:
        if refusal is not None:
            return self._unrouted, "", refusal
        routes, rest = declared, ""
        if routes is None:
            routes, rest = self._routes.find(path.decode("ascii"))
            try:
                target.check_tail(path, rest)
            except Problem as problem:
                return self._unrouted, "", problem
        route = routes.get(request.method)
        if route is None:
            return self._unrouted, "", MethodNotAllowed() if routes else RouteUnknown()
        if self._under_way >= self._manners.most_at_once:
            return route, rest, Overloaded(retry_after_s=1)
        return route, rest, None
