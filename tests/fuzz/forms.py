"""Forms that callers send."""

from __future__ import annotations

from collections.abc import Sequence

from fuzz.cutting import ways
from tollhouse.domain.errors import Refusal
from tollhouse.domain.forms import Part
from tollhouse.domain.multipart import MOST_PARTS, MOST_TEXT_BYTES, FormReader, boundary_of

B = b"--b\r\n"
SAYS = b'Content-Disposition: form-data; name="%b"'
FORM_SEEDS = [
    B + SAYS % b"model" + b"\r\n\r\near\r\n--b--\r\n",
    B
    + SAYS % b"file"
    + b'; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\nRIFF\0\r\n--c\r\n--b--\r\n',
    B + SAYS % b"a[]" + b"\r\n\r\n1\r\n" + B + SAYS % b"a[]" + b"\r\n\r\n\r\n--b--",
    B + SAYS % b"f" + b"; filename*=UTF-8''%C3%A4\r\nContent-Length: 1\r\n\r\nx\r\n--b--",
    B
    + b"content-disposition:form-data;name=x\r\ncontent-transfer-encoding: base64\r\n\r\n\r\n--b--",
    b"--b--\r\n",
]
BOUNDARY_SEEDS = [
    b"multipart/form-data; boundary=b",
    b'multipart/form-data; boundary="a b"',
    b"multipart/form-data;boundary=" + b"x" * 70,
    b"application/json",
]
WORDS = (
    *(b"--b\r\n", b"\r\n--b", b"--b--", b"\r\n\r\n", b"\r\n", b"name=", b"filename=", b"filename*=UTF-8''"),
    *(b"Content-Disposition: form-data; ", b"Content-Type: multipart/mixed", b"Content-Length: ", b'\\"', b"_charset_"),
)  # fmt: skip


def form_target(data: bytes) -> None:
    """The same however it is cut; its parts stand where they say, apart, and are all of it."""
    read = [_read(pieces) for pieces in ([data], *ways(data))]
    assert read[1:] == read[:-1]
    parts = read[0]
    if isinstance(parts, str):
        return
    assert len(parts) <= MOST_PARTS
    single = [part.name for part in parts if not part.name.endswith("[]")]
    assert len(set(single)) == len(single)
    assert sum(part.size for part in parts if not part.is_file) <= MOST_TEXT_BYTES
    end = 0
    for part in parts:
        content = data[part.begin : part.begin + part.size]
        assert part.begin > end
        assert b"--b" not in content
        assert data[part.begin + part.size :].startswith(b"\r\n--b")
        assert part.is_file or part.text == content.decode()
        assert not part.is_file or content.startswith(part.head)
        end = part.begin + part.size


def boundary_target(data: bytes) -> None:
    """What is taken for a boundary is one line of 1 to 70 letters."""
    try:
        boundary = boundary_of(data)
    except Refusal:
        return
    assert boundary is None or (1 <= len(boundary) <= 70 and not set(boundary) & set(b'\r\n\0"\\'))


def _read(pieces: Sequence[bytes]) -> Sequence[Part] | str:
    reader = FormReader(b"b")
    try:
        for piece in pieces:
            reader.feed(piece)
        return reader.finish()
    except Refusal as refusal:
        return refusal.code
