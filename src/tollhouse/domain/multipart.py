"""Forms of several parts, read from bytes while they come, without I/O.

Stricter than RFC 7578 wherever two readers could read one form differently: lines end in CR LF,
nothing stands before the first boundary or after the last, a boundary stands nowhere else, nothing
is encoded, nothing nested, and a name comes once unless it ends in `[]`. Everything is bounded but a
file, which its route bounds.
How the bytes were cut on their way never changes what is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from tollhouse.domain.errors import BodyTooLarge, FormMalformed
from tollhouse.domain.forms import Part

MOST_PARTS = 20
MOST_HEADERS = 8
MOST_HEAD_BYTES = 8 * 1024
"""Of one part."""

MOST_TEXT_BYTES = 2 * 1024 * 1024
"""Of all parts together that are no files: they are kept in memory."""

HEAD_BYTES = 4 * 1024
"""What is shown of the beginning of a file."""

_boundary = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]").fullmatch
_parameter = re.compile(
    r';[ \t]*([A-Za-z-]+\*?)=(?:"((?:[^"\\]|\\.)*)"|([0-9A-Za-z!#$%&\'*+.^_`|~-]+))[ \t]*'
)
_token = re.compile(r"[0-9A-Za-z!#$%&'*+.^_`|~-]+").fullmatch
_name = re.compile(r"[0-9A-Za-z_.\[\]-]{1,100}").fullmatch
_control = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search
_media = re.compile(r"[0-9A-Za-z!#$&^_.+-]+/[0-9A-Za-z!#$&^_.+-]+").match

ENCODINGS = ("binary", "8bit", "7bit")
ELSEWHERE = "The boundary stands within a part too, or not at the begin of a line."
CHARSETS = ("", "utf-8", "us-ascii")
NESTING = ("multipart/", "message/")


def boundary_of(content_type: bytes) -> bytes | None:
    """None of what is no form. Raises FormMalformed on one that nobody could take apart."""
    media, _, rest = content_type.partition(b";")
    if media.strip(b" \t").lower() != b"multipart/form-data":
        return None
    found = _parameters(";" + rest.decode("latin-1"))
    boundary = found.pop("boundary", "").encode("latin-1")
    if found or not _boundary(boundary):
        raise FormMalformed("The boundary of a form is 1 to 70 characters that RFC 2046 allows.")
    return boundary


class FormReader:
    """Fed with all of a body, and then finished. Raises FormMalformed, BodyTooLarge."""

    def __init__(self, boundary: bytes) -> None:
        self._opening = b"--" + boundary
        self._rest = bytearray()
        self._read = 0
        """How many bytes stand before the rest."""

        self._step = self._open
        self._parts: list[Part] = []
        self._names: set[str] = set()
        self._lists: set[str] = set()
        """What stands before the brackets of a name."""

        self._part = Part("", 0, 0)
        self._length: int | None = None
        self._kept = bytearray()
        self._texts = 0

    def feed(self, data: bytes) -> None:
        self._rest += data
        while self._step():
            pass

    def finish(self) -> Sequence[Part]:
        if self._step != self._close or bytes(self._rest) not in (b"", b"\r\n"):
            raise FormMalformed("The form ends before its closing boundary.")
        return tuple(self._parts)

    # --- each step is true when it is done, false when it needs more ---

    def _open(self) -> bool:
        begun = self._rest[: len(self._opening)]
        if not self._opening.startswith(begun):
            raise FormMalformed("The form does not begin with its boundary.")
        if len(begun) < len(self._opening):
            return False
        self._take(len(self._opening))
        self._step = self._turn
        return True

    def _turn(self) -> bool:
        """What comes behind a boundary: another part, or the end."""
        if len(self._rest) < 2:
            return False
        mark = self._take(2)
        if mark == b"--":
            self._step = self._close
        elif mark == b"\r\n":
            if len(self._parts) == MOST_PARTS:
                raise FormMalformed(f"A form has at most {MOST_PARTS} parts.")
            self._step = self._head
        else:
            raise FormMalformed("A boundary is followed by something else than a line's end.")
        return True

    def _head(self) -> bool:
        end = self._rest.find(b"\r\n\r\n")
        if max(end, len(self._rest) if end < 0 else 0) > MOST_HEAD_BYTES:
            raise FormMalformed("The headers of a part are longer than 8 KiB.")
        if end < 0:
            return False
        head = bytes(self._rest[:end])
        if self._opening in head:
            raise FormMalformed(ELSEWHERE)
        self._take(end + 4)
        self._part, self._length = _described(head, self._read)
        self._remember(self._part.name)
        self._step = self._content
        return True

    def _content(self) -> bool:
        """Up to the line's end before a boundary. Who looks for less than that must find the same."""
        found = self._rest.find(self._opening)
        if found < 0:
            self._keep(self._take(max(0, len(self._rest) - len(self._opening) - 1)))
            return False
        end = found - 2
        if self._rest[end:found] != b"\r\n":
            raise FormMalformed(ELSEWHERE)
        self._keep(self._take(end))
        self._parts.append(self._ended(self._read))
        self._take(2 + len(self._opening))
        self._step = self._turn
        return True

    def _close(self) -> bool:
        if not b"\r\n".startswith(self._rest):
            raise FormMalformed("Something follows the closing boundary.")
        return False

    # --- parts ---

    def _take(self, size: int) -> bytes:
        taken = bytes(self._rest[:size])
        del self._rest[:size]
        self._read += size
        return taken

    def _remember(self, name: str) -> None:
        """To some readers `a` and `a[]` are one."""
        plain, bracket, _ = name.partition("[")
        is_taken = name in self._names and not name.endswith("[]")
        if is_taken or plain in (self._names if bracket else self._lists):
            raise FormMalformed(f"`{plain}` comes more than once in the form.", param=plain)
        self._names.add(name)
        self._lists.add(plain)

    def _keep(self, content: bytes) -> None:
        if self._part.is_file:
            self._kept += content[: HEAD_BYTES - len(self._kept)]
            return
        self._texts += len(content)
        if self._texts > MOST_TEXT_BYTES:
            raise BodyTooLarge("What is no file in the form is larger than 2 MiB.")
        self._kept += content

    def _ended(self, end: int) -> Part:
        part, kept = self._part, bytes(self._kept)
        self._kept.clear()
        size = end - part.begin
        if self._length not in (None, size):
            raise FormMalformed("A part is not as long as its own header says.", param=part.name)
        if part.is_file:
            return Part(part.name, part.begin, size, part.filename, part.media, head=kept)
        text = _text(kept, part.name)
        return Part(part.name, part.begin, size, media=part.media, text=text)


def _described(head: bytes, begin: int) -> tuple[Part, int | None]:
    """The part that a head announces, and how long it says that is."""
    found = _headers(head)
    kind, _, rest = found.get("content-disposition", "").partition(";")
    named = _parameters(";" + rest) if rest else {}
    name = named.get("name", "")
    if kind.strip(" \t").lower() != "form-data" or not _name(name) or name == "_charset_":
        raise FormMalformed("A part of the form does not say its name, or not in plain letters.")
    if not named.keys() <= {"name", "filename", "filename*"}:
        raise FormMalformed("A part says more of itself than its name.", param=name)
    if found.get("content-transfer-encoding", "binary").lower() not in ENCODINGS:
        raise FormMalformed("A part is encoded: send its bytes as they are.", param=name)
    length = found.get("content-length")
    if length is not None and not (length.isascii() and length.isdigit() and len(length) < 16):
        raise FormMalformed("A part's own length is not a number.", param=name)
    filename = named.get("filename", _decoded(named.get("filename*"), name))
    media = _media_of(found.get("content-type", ""), name, is_file=filename is not None)
    return Part(name, begin, 0, filename, media), None if length is None else int(length)


def _headers(head: bytes) -> dict[str, str]:
    try:
        lines = head.decode().split("\r\n")
    except UnicodeDecodeError:
        raise FormMalformed("The headers of a part are not UTF-8.") from None
    if len(lines) > MOST_HEADERS:
        raise FormMalformed(f"A part has at most {MOST_HEADERS} headers.")
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not (colon and _token(name)) or _control(line):
            raise FormMalformed("A header of a part is none.")
        if name.lower() in found:
            raise FormMalformed("A part has the same header twice.")
        found[name.lower()] = value.strip(" \t")
    return found


def _parameters(rest: str) -> dict[str, str]:
    """Each once, and nothing between them."""
    found: dict[str, str] = {}
    place = 0
    while place < len(rest):
        split = _parameter.match(rest, place)
        if split is None or (name := split[1].lower()) in found:
            raise FormMalformed("What follows a `;` is not a parameter, or came before.")
        quoted, plain = split[2], split[3]
        found[name] = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        place = split.end()
    return found


def _decoded(filename: str | None, name: str) -> str | None:
    """As RFC 8187 has it, in UTF-8."""
    if filename is None:
        return None
    charset, _, rest = filename.partition("'")
    try:
        text = unquote(rest.partition("'")[2], errors="strict")
    except UnicodeDecodeError:
        text = "\0"
    if charset.lower() != "utf-8" or _control(text):
        raise FormMalformed("The name of a file cannot be read.", param=name)
    return text


def _media_of(content_type: str, name: str, *, is_file: bool) -> str:
    kind = content_type.lower()
    if kind and not _media(kind):
        raise FormMalformed("A part has a type that is none.", param=name)
    if kind.startswith(NESTING):
        raise FormMalformed("A part of a form is not a form itself.", param=name)
    _, _, charset = kind.partition("charset=")
    if not is_file and charset.strip('" \t') not in CHARSETS:
        raise FormMalformed("A text in the form is not UTF-8.", param=name)
    return content_type


def _text(content: bytes, name: str) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise FormMalformed("A text in the form is not UTF-8.", param=name) from None
    if "\0" in text:
        raise FormMalformed("A text in the form has a NUL in it.", param=name)
    return text
