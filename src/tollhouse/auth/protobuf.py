"""The wire format of Protocol Buffers, as far as the Workload API speaks it.

Fields that nobody here knows are passed over, as the format wants it. What is cut, longer than it may be, or
of another kind than its field, makes the whole message invalid.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

MOST_FIELDS = 4096
LAST_NUMBER = 2**29 - 1
MOST_OF_VARINT, LONGEST_VARINT = 2**64 - 1, 10
COUNTED = 2
KEY, VALUE = 1, 2


class MessageInvalid(Exception):
    """Nothing of it is taken."""


def texts(raw: bytes, *known: int) -> Iterator[tuple[int, bytes]]:
    """The fields of these numbers, in their order: all of them counted bytes. Raises MessageInvalid."""
    at, count = 0, 0
    while at < len(raw):
        count += 1
        if count > MOST_FIELDS:
            raise MessageInvalid(f"it has more than {MOST_FIELDS} fields")
        tag, at = _varint(raw, at)
        number, kind = tag >> 3, tag & 7
        if not 0 < number <= LAST_NUMBER:
            raise MessageInvalid("one of its fields has no number")
        begins, at = _span(raw, at, kind)
        if number in known:
            if kind != COUNTED:
                raise MessageInvalid(f"its field {number} is of another kind")
            yield number, raw[begins:at]


def table(entries: Collection[bytes]) -> Mapping[str, bytes]:
    """A `map<string, bytes>`. Of two with one key nobody knows which is meant. Raises MessageInvalid."""
    found: dict[str, bytes] = {}
    for entry in entries:
        said = single(entry, KEY, VALUE)
        key = text(said.get(KEY, b""))
        if key in found:
            raise MessageInvalid("two entries of a map have one key")
        found[key] = said.get(VALUE, b"")
    return found


def single(raw: bytes, *known: int) -> Mapping[int, bytes]:
    """Fields that come once at most. Raises MessageInvalid."""
    found: dict[int, bytes] = {}
    for number, value in texts(raw, *known):
        if number in found:
            raise MessageInvalid(f"its field {number} comes twice")
        found[number] = value
    return found


def text(raw: bytes) -> str:
    """Raises MessageInvalid."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise MessageInvalid("one of its texts is none") from None


def _span(raw: bytes, at: int, kind: int) -> tuple[int, int]:
    """Where a field's value begins and ends."""
    match kind:
        case 0:
            begins, ends = at, _varint(raw, at)[1]
        case 1:
            begins, ends = at, at + 8
        case 5:
            begins, ends = at, at + 4
        case 2:
            length, begins = _varint(raw, at)
            ends = begins + length
        case _:
            raise MessageInvalid("one of its fields is of a kind that there is not")
    if ends > len(raw):
        raise MessageInvalid("it is cut")
    return begins, ends


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """A number, and where it ends."""
    number = 0
    for index, byte in enumerate(raw[at : at + LONGEST_VARINT]):
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80 and number <= MOST_OF_VARINT:
            return number, at + index + 1
    raise MessageInvalid("one of its numbers is cut, or too long")
