"""A request for a page from its head to its answer: one record says what became of it; a browser is told in HTML."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from tollhouse.admin.asking import Office
from tollhouse.admin.console import pages
from tollhouse.control.sessions import Admission
from tollhouse.domain import sessions
from tollhouse.domain.errors import FieldInvalid, MediaTypeUnsupported, Problem, SessionOver
from tollhouse.domain.sessions import Header
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.record import Journal, recorded
from tollhouse.pipeline.route import Serve
from tollhouse.pipeline.within import within

FORM = b"application/x-www-form-urlencoded"
SEE_OTHER = 303


@dataclass(frozen=True, slots=True)
class Visit:
    call: Call
    record: Journal
    house: House
    office: Office
    console: Admission

    @property
    def session(self) -> str | None:
        return self.cookie(self.console.front.session_cookie)

    def cookie(self, name: str) -> str | None:
        return sessions.cookie(self.call.headers, name)

    def query(self, known: Collection[str]) -> Mapping[str, str]:
        """Each name once. What is not known is not looked at: providers add some of their own."""
        pairs = parse_qsl(self.call.query.decode("latin-1"), keep_blank_values=True)
        return _once([pair for pair in pairs if pair[0] in known])

    async def form(self, *known: str) -> Mapping[str, str]:
        """What a page of ours sends. Raises OriginNotAllowed for anybody else's."""
        sessions.insist_on_own_page(self.call.fields, self.console.front)
        if self.call.fields.get(b"content-type", b"").partition(b";")[0].strip().lower() != FORM:
            raise MediaTypeUnsupported(f"This path takes {FORM.decode()}.")
        body = await self.call.read_body()
        raw = body if isinstance(body, bytes) else b""
        fields = _once(parse_qsl(raw.decode("latin-1"), keep_blank_values=True))
        if extra := sorted(set(fields) - set(known)):
            raise FieldInvalid("There is no such field here.", param=extra[0][:60])
        return fields

    async def show(self, page: bytes, *headers: Header, status: int = 200) -> None:
        reply, length = self.call.reply, (b"content-length", b"%d" % len(page))
        await reply.start(status, (*pages.HEADERS, length, *headers))
        await reply.end(page)

    async def send_to(self, path: str, *headers: Header) -> None:
        nothing = (b"content-length", b"0")
        where = (b"location", path.encode())
        await self.call.reply.start(SEE_OTHER, (*pages.HEADERS, where, nothing, *headers))
        await self.call.reply.end()


Answer = Callable[[Visit], Awaitable[None]]


def visited(answer: Answer, office: Office | None) -> Serve:
    """Without an office it is named, and not served."""

    async def serve(call: Call, house: House) -> None:
        if office is None or office.console is None:
            raise RuntimeError("the console has no office")
        try:
            with recorded(call, house) as record, within(call.route.deadline_s):
                await answer(Visit(call, record, house, office, office.console))
        except Problem as problem:
            if call.reply.is_started or b"text/html" not in (call.header(b"accept") or b""):
                raise
            await _tell(call, problem, office.console)
            problem.forget()

    return serve


async def _tell(call: Call, problem: Problem, console: Admission) -> None:
    page = pages.refusal(problem.detail, problem.code, call.request_id)
    headers: list[Header] = [(b"content-length", b"%d" % len(page))]
    if problem.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % problem.retry_after_s))
    if isinstance(problem, SessionOver):
        headers.append(console.front.without(console.front.session_cookie))
    await call.reply.start(problem.status, (*pages.HEADERS, *headers))
    await call.reply.end(page)


def _once(pairs: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise FieldInvalid("A field comes twice.")
    return found
