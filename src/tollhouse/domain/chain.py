"""How audit records hang together.

    {"v":1,"writer":"host-w0","seq":7,"prev":"<hash of record 6>","kind":"call",…,"hash":"<sha-256>"}

The hash covers every byte of the line before `,"hash"`, so nothing in a record, and nothing
in the order of records, can change unseen. A checkpoint is a record whose signature covers
every byte of its line before `,"signature"`, and through `prev` all that came before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from tollhouse.domain.values import value

LONGEST_LINE = 4096
"""Bytes, the newline included."""

LONGEST_FIELDS = LONGEST_LINE - 384
"""What remains for a record's own fields: the envelope with the longest writer id takes less."""

MOST_UNSIGNED = 10_000
"""So many records may follow each other without a checkpoint, and no more."""

CONTEXT = b"tollhouse audit checkpoint\n"
"""Precedes what is signed, so that a signature cannot be made to mean anything else."""

Sign = Callable[[bytes], bytes]


@value
class Head:
    """The last record of a chain: its number and its hash, in hex."""

    writer: str
    seq: int
    hash: str


def beginning(writer: str) -> Head:
    """What the first record follows: no two writers begin alike."""
    return Head(writer, 0, sha256(writer.encode()).hexdigest())


def link(head: Head, fields: bytes) -> tuple[bytes, Head]:
    """The line of the next record, and the head it makes.

    `fields` are the members of a JSON object, ASCII, without its braces; `kind` comes first.
    """
    text = _text(head, fields)
    digest = sha256(text).hexdigest()
    return b'%b,"hash":"%b"}\n' % (text, digest.encode()), Head(head.writer, head.seq + 1, digest)


def checkpoint(head: Head, at: str, key: str, sign: Sign) -> tuple[bytes, Head]:
    """A record that vouches, under the key, for itself and all before it."""
    fields = b'"kind":"checkpoint","at":"%b","key":"%b"' % (at.encode(), key.encode())
    signature = sign(CONTEXT + _text(head, fields)).hex()
    return link(head, b'%b,"signature":"%b"' % (fields, signature.encode()))


@dataclass(frozen=True, slots=True)
class Line:
    """A record as found: what it says, and what its bytes hash to."""

    writer: str
    seq: int
    prev: str
    kind: str
    at: str | None
    hash: str
    computed: str
    text: bytes
    """All that the hash covers."""

    @property
    def is_intact(self) -> bool:
        return self.hash == self.computed


def parsed(raw: bytes) -> Line | None:
    """A line with its newline; None when it does not have the form of a record."""
    start, end = _START.match(raw), _END.fullmatch(raw, len(raw) - _END_LENGTH)
    if start is None or end is None or len(raw) > LONGEST_LINE:
        return None
    writer, seq, prev, kind, at = start.groups()
    text = raw[:-_END_LENGTH]
    return Line(
        writer.decode(),
        int(seq),
        prev.decode(),
        kind.decode(),
        at.decode() if at else None,
        end[1].decode(),
        sha256(text).hexdigest(),
        text,
    )


@dataclass(frozen=True, slots=True)
class Signed:
    """What a checkpoint line carries: under which key, what text, with what signature."""

    key: str
    text: bytes
    signature: bytes


def signed(line: Line) -> Signed | None:
    match = _SIGNATURE.search(line.text)
    if match is None:
        return None
    text = CONTEXT + line.text[: match.start(2)]
    return Signed(match[1].decode(), text, bytes.fromhex(match[3].decode()))


_START = re.compile(
    rb'\{"v":1,"writer":"([0-9A-Za-z._-]{1,100})","seq":([1-9][0-9]{0,17}),"prev":"([0-9a-f]{64})"'
    rb',"kind":"([a-z_]{1,40})"(?:,"at":"([0-9TZ:.-]{20,35})")?'
)
_END = re.compile(rb',"hash":"([0-9a-f]{64})"\}\n')
_END_LENGTH = len(b',"hash":""}\n') + 64
_SIGNATURE = re.compile(rb',"key":"([0-9a-f]{16})"(,"signature":"([0-9a-f]{128})")\Z')


def _text(head: Head, fields: bytes) -> bytes:
    return b'{"v":1,"writer":"%b","seq":%d,"prev":"%b",%b' % (
        head.writer.encode(),
        head.seq + 1,
        head.hash.encode(),
        fields,
    )
