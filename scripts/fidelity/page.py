"""The page: for each caller's dialect, what reaches a target of another, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.fidelity.crossing import comes_home, read, said_and_read, translated, written
from scripts.fidelity.dialects import CALLERS, TARGETS, Spoken
from scripts.fidelity.facts import facts, heard, is_named, lost
from scripts.fidelity.features import ANSWERED, ASKED, SHOWN_BY

from tollhouse.domain.errors import Problem

YES, NAMED, LOST, NEVER = "yes", "named", "lost", ""

HEAD = """\
# What survives a translation

A call whose target speaks the caller's dialect passes as it is: every member, known or not, and every byte of the
answer but what [the routes](routes.md) name. All others are translated. This page says what of them arrives, and it is
made by asking the codecs, one thing at a time: `make docs` writes it, and a test compares it.

In the tables of calls, `yes` says that the target is told, `named` that its dialect has no words for it: then
`x-tollhouse-unsaid` and the audit record's `unsaid` name it, and a model with `strict = true` refuses the call
with `not_translatable`. Members of a body that are in no table are named too. In the tables of answers, `lost` says
that the caller's dialect has no place for it; what the target's own dialect cannot say is left empty. What survives
does so in streams and in answers in one piece alike, unless the table says in which.
"""


def page() -> str:
    return HEAD + "".join(section for caller in CALLERS for section in _of(caller))


def reaches(caller: Spoken, target: Spoken, asked: str) -> str:
    """Never, where the caller's dialect could not have asked it."""
    conversation = ASKED[asked]
    body, unsaid = caller.client.encode(conversation, caller.leg)
    arrived = caller.server.decode(body)
    if unsaid or lost(facts(conversation), facts(arrived)):
        return NEVER
    told, unsaid = said_and_read(target, arrived)
    missing = lost(facts(arrived), facts(told))
    if all(is_named(path, unsaid) for path in missing):
        return NAMED if missing or unsaid else YES
    return LOST


def returns(caller: Spoken, target: Spoken, answered: str, *, is_stream: bool) -> str:
    """Never, where the target could not have answered it."""
    place = SHOWN_BY[answered]
    answer = written(target, ANSWERED[answered], is_stream=is_stream)
    there = heard(read(target, answer, is_stream=is_stream))
    if place in lost(heard(ANSWERED[answered]), there):
        return NEVER
    try:
        passed = translated(caller, target, answer, is_stream=is_stream)
    except Problem:
        return LOST
    here = heard(read(caller, passed, is_stream=is_stream))
    return LOST if place in lost(there, here) else YES


def gives_back(caller: Spoken, target: Spoken, *, is_stream: bool) -> str:
    if target.own_state is None:
        return NEVER
    return YES if comes_home(caller, target, is_stream=is_stream) else LOST


def _of(caller: Spoken) -> Iterator[str]:
    targets = [each for each in TARGETS if each is not caller]
    titles = " | ".join(each.title for each in targets)
    line = "|---" * (len(targets) + 1) + "|\n"
    yield f"\n## Asked in {caller.title}\n\n| of the call | {titles} |\n{line}"
    for asked in ASKED:
        yield from _row(asked, [reaches(caller, target, asked) for target in targets])
    yield f"\n| of the answer | {titles} |\n{line}"
    for answered in ANSWERED:
        cells = [
            [returns(caller, each, answered, is_stream=is_stream) for is_stream in (True, False)]
            for each in targets
        ]
        yield from _row(answered, [_both(*cell) for cell in cells])
    homes = [
        [gives_back(caller, each, is_stream=is_stream) for is_stream in (True, False)]
        for each in targets
    ]
    yield from _row("what is to be given back to it", [_both(*cell) for cell in homes])


def _both(streamed: str, whole: str) -> str:
    if streamed == whole:
        return streamed
    return f"{streamed or 'no'} in streams, {whole or 'no'} in one piece"


def _row(title: str, cells: list[str]) -> Iterator[str]:
    """What nobody could have said has no row."""
    if any(cells):
        yield f"| {title} | {' | '.join(cells)} |\n"
