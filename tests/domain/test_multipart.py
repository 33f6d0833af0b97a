from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.errors import BodyTooLarge, FormMalformed, Problem
from tollhouse.domain.forms import Part
from tollhouse.domain.multipart import (
    HEAD_BYTES,
    MOST_HEAD_BYTES,
    MOST_HEADERS,
    MOST_PARTS,
    MOST_TEXT_BYTES,
    FormReader,
    boundary_of,
)

B = b"xYzZy"
FIELD = b'Content-Disposition: form-data; name="%b"'
FILE = b'Content-Disposition: form-data; name="file"; filename="%b"\r\nContent-Type: audio/wav'
PLAIN = (FIELD % b"model", b"ear")


def form(*parts: tuple[bytes, bytes], boundary: bytes = B) -> bytes:
    said = [b"--%b\r\n%b\r\n\r\n%b\r\n" % (boundary, head, content) for head, content in parts]
    return b"".join(said) + b"--%b--\r\n" % boundary


def read(body: bytes, *cuts: int, boundary: bytes = B) -> Sequence[Part]:
    reader = FormReader(boundary)
    for begin, end in zip((0, *cuts), (*cuts, len(body)), strict=True):
        reader.feed(body[begin:end])
    return reader.finish()


WHOLE = form(
    PLAIN,
    (FILE % b"a.wav", b"RIFF\r\n--xYz\r\n-\0\xff\r\n--"),
    (FIELD % b"timestamp_granularities[]", b"word"),
    (FIELD % b"timestamp_granularities[]", b"segment"),
    (FIELD % b"prompt", b""),
)


def test_a_form_is_its_parts_in_order() -> None:
    parts = read(WHOLE)

    assert [(part.name, part.text, part.filename) for part in parts] == [
        ("model", "ear", None),
        ("file", None, "a.wav"),
        ("timestamp_granularities[]", "word", None),
        ("timestamp_granularities[]", "segment", None),
        ("prompt", "", None),
    ]
    assert parts[1].media == "audio/wav"
    assert parts[1].head == b"RIFF\r\n--xYz\r\n-\0\xff\r\n--"


def test_each_part_says_where_its_content_stands() -> None:
    contents = [WHOLE[part.begin : part.begin + part.size] for part in read(WHOLE)]

    assert contents == [b"ear", b"RIFF\r\n--xYz\r\n-\0\xff\r\n--", b"word", b"segment", b""]


@pytest.mark.req("S-10", "B-43")
@pytest.mark.parametrize("at", range(len(WHOLE)))
def test_a_form_cut_at_any_byte_is_the_same_form(at: int) -> None:
    assert read(WHOLE, at) == read(WHOLE)


def test_a_form_that_comes_byte_by_byte_is_the_same_form() -> None:
    assert read(WHOLE, *range(1, len(WHOLE))) == read(WHOLE)


@pytest.mark.req("H-72")
@pytest.mark.parametrize("end", range(len(WHOLE) - 2))
def test_a_form_that_ends_too_early_is_none(end: int) -> None:
    with pytest.raises(FormMalformed):
        read(WHOLE[:end])


def _plain(part: tuple[str, bytes, bool]) -> str:
    return part[0].split("[", 1)[0]


_names = st.text("abcdefgh_[]", min_size=1, max_size=8)
_parts = st.lists(
    st.tuples(_names, st.binary(max_size=60), st.booleans()),
    max_size=MOST_PARTS,
    unique_by=_plain,
)


@pytest.mark.req("S-10", "B-43")
@given(_parts, st.lists(st.integers(0, 2000), max_size=6), st.text("aZ0'()+_,-./:=?", min_size=1))
def test_what_is_put_into_a_form_comes_out_of_it(
    wished: list[tuple[str, bytes, bool]], cuts: list[int], mark: str
) -> None:
    boundary = mark.encode()[:70]
    parts = [
        (_head(name, is_file=is_file), content if is_file else content.hex().encode())
        for name, content, is_file in wished
    ]
    body = form(*parts, boundary=boundary)
    if any(b"--" + boundary in head + content for head, content in parts):
        return

    found = read(body, *sorted({cut for cut in cuts if cut < len(body)}), boundary=boundary)

    assert [body[part.begin : part.begin + part.size] for part in found] == [
        content for _, content in parts
    ]


@given(st.binary(max_size=300), st.integers(0, 300))
def test_whatever_comes_is_read_or_refused_the_same_however_it_is_cut(
    noise: bytes, at: int
) -> None:
    body = WHOLE[: len(WHOLE) - at] + noise

    assert _said(body, len(body) // 2) == _said(body)


def _said(body: bytes, *cuts: int) -> object:
    try:
        return read(body, *cuts)
    except Problem as problem:
        return problem.code


@pytest.mark.req("H-70", "S-10")
def test_more_parts_than_a_form_may_have_are_refused() -> None:
    most = [(FIELD % b"n%d" % number, b"") for number in range(MOST_PARTS)]
    assert len(read(form(*most))) == MOST_PARTS

    with pytest.raises(FormMalformed, match="20 parts"):
        read(form(*most, PLAIN))


@pytest.mark.req("H-74", "S-10")
def test_more_headers_than_a_part_may_have_are_refused() -> None:
    others = [b"x-%d: y" % number for number in range(MOST_HEADERS - 1)]
    assert read(form((b"\r\n".join((PLAIN[0], *others)), b"")))

    with pytest.raises(FormMalformed, match="8 headers"):
        read(form((b"\r\n".join((PLAIN[0], *others, b"x: y")), b"")))


@pytest.mark.req("H-74", "H-75", "S-10")
@pytest.mark.parametrize("ends", [True, False])
def test_a_head_without_end_is_refused_while_it_comes(ends: bool) -> None:
    head = FILE % (b"x" * MOST_HEAD_BYTES)
    body = form((head, b"")) if ends else b"--" + B + b"\r\n" + head

    with pytest.raises(FormMalformed, match="8 KiB"):
        FormReader(B).feed(body)


@pytest.mark.req("S-10")
def test_texts_are_bounded_together() -> None:
    half = b"x" * (MOST_TEXT_BYTES // 2)
    assert read(form((FIELD % b"a", half), (FIELD % b"b", half)))

    with pytest.raises(BodyTooLarge):
        read(form((FIELD % b"a", half), (FIELD % b"b", half), (FIELD % b"c", b"x")))


@pytest.mark.req("H-74", "S-10")
def test_a_head_may_be_as_long_as_is_said_and_no_longer() -> None:
    rest = MOST_HEAD_BYTES - len(FILE % b"")

    assert read(form((FILE % (b"x" * rest), b"")))
    with pytest.raises(FormMalformed, match="8 KiB"):
        read(form((FILE % (b"x" * (rest + 1)), b"")))


@pytest.mark.req("S-10", "B-43")
def test_a_file_does_not_wait_in_memory_for_its_end() -> None:
    reader = FormReader(B)
    reader.feed(b"--xYzZy\r\n" + FILE % b"a" + b"\r\n\r\n")

    for _ in range(64):
        reader.feed(b"x" * 16_384)

    assert len(reader._rest) < 100


def test_of_a_file_no_more_is_kept_than_its_beginning() -> None:
    (file,) = read(form((FILE % b"a", b"x" * 100_000)), 50_000)

    assert (file.size, file.head, file.text) == (100_000, b"x" * HEAD_BYTES, None)


@pytest.mark.req("H-76", "S-10")
def test_a_name_comes_once_unless_it_is_a_list() -> None:
    with pytest.raises(FormMalformed, match="more than once"):
        read(form(PLAIN, PLAIN))
    with pytest.raises(FormMalformed, match="more than once"):
        read(form(PLAIN, (FIELD % b"model" + b'; filename="m"', b"other")))


@pytest.mark.req("H-76", "S-10")
@pytest.mark.parametrize("names", [(b"model", b"model[]"), (b"model[]", b"model"), (b"a[b]", b"a")])
def test_a_name_is_no_list_of_itself(names: tuple[bytes, bytes]) -> None:
    with pytest.raises(FormMalformed, match="more than once"):
        read(form(*((FIELD % name, b"x") for name in names)))


def test_members_of_a_list_may_have_names_each_of_its_own() -> None:
    assert len(read(form((FIELD % b"a[b]", b"x"), (FIELD % b"a[c]", b"y")))) == 2
    with pytest.raises(FormMalformed, match="more than once"):
        read(form((FIELD % b"a[b]", b"x"), (FIELD % b"a[b]", b"y")))


@pytest.mark.req("H-76", "S-10")
@pytest.mark.parametrize(
    "smuggled",
    [
        b"x\n--xYzZy\n",
        b"x\r--xYzZy\r",
        b"--xYzZy--\r\n",
        b"\n--xYzZy",
        b"x--xYzZy",
        b"xx--xYzZy\r\n",
        b"x\n--xYzZy\r\n",
        b"\r\n--xYzZyMore",
    ],
)
def test_a_boundary_that_only_others_would_see_is_refused(smuggled: bytes) -> None:
    """Else a form within a file would name another model to them."""
    body = form(PLAIN, (FILE % b"a", smuggled + FIELD % b"other" + b"\r\n\r\ny"))

    for cut in range(len(body)):
        with pytest.raises(FormMalformed):
            read(body, cut)


@pytest.mark.req("S-10")
def test_a_boundary_within_a_head_is_refused() -> None:
    with pytest.raises(FormMalformed):
        read(form((FIELD % b"model" + b"\r\n--xYzZy: x", b"ear")))
    with pytest.raises(FormMalformed):
        read(form((FILE % b"--xYzZy", b"ear")))


@pytest.mark.req("H-77", "S-10")
@pytest.mark.parametrize(
    "kind", [b"multipart/mixed; boundary=b", b"Multipart/Form-Data", b"message/rfc822"]
)
def test_a_form_within_a_form_is_refused(kind: bytes) -> None:
    with pytest.raises(FormMalformed, match="not a form itself"):
        read(form((FIELD % b"file" + b'; filename="f"\r\nContent-Type: ' + kind, b"--b--")))


@pytest.mark.req("H-75", "S-10")
@pytest.mark.parametrize(
    ("said", "filename"),
    [
        (b'filename="a b.wav"', "a b.wav"),
        (b"filename=a.wav", "a.wav"),
        (b'filename="../../etc/cron.d/x"', "../../etc/cron.d/x"),
        (b'filename="a\\"b\\\\c"', 'a"b\\c'),
        ('filename="größe.wav"'.encode(), "größe.wav"),
        (b"filename*=UTF-8''gr%C3%B6%C3%9Fe.wav", "größe.wav"),
        (b"filename=a.wav; filename*=utf-8''a.wav", "a.wav"),
        (b'filename=""', ""),
    ],
)
def test_a_filename_is_read_as_clients_write_it(said: bytes, filename: str) -> None:
    (part,) = read(form((FIELD % b"file" + b"; " + said, b"")))

    assert (part.is_file, part.filename) == (True, filename)


REFUSED = {
    "nothing at all": b"",
    "something before the first boundary": b"\r\n" + WHOLE,
    "another boundary": form(PLAIN, boundary=b"other"),
    "another boundary of the same length at first": form(PLAIN).replace(B, b"xYzZz", 1),
    "bare line feeds": form(PLAIN).replace(b"\r\n", b"\n"),
    "something after the end": form(PLAIN) + b"x",
    "half a line's end after the end": form(PLAIN)[:-1],
    "a second form": form(PLAIN) * 2,
    "a boundary that goes on": form((PLAIN[0], b"ear\r\n--xYzZyMore\r\n")),
    "blanks behind a boundary": form(PLAIN).replace(B + b"\r\n", B + b" \r\n"),
    "two bytes instead of a line's end": form(PLAIN).replace(B + b"\r\n", B + b"xx"),
    "two bytes before a line's end": form(PLAIN).replace(B + b"\r\n", B + b"xx\r\n"),
    "no name": form((b"Content-Disposition: form-data", b"x")),
    "no disposition": form((b"Content-Type: text/plain", b"x")),
    "two dispositions": form((PLAIN[0] + b"\r\n" + PLAIN[0], b"x")),
    "an attachment": form((b'Content-Disposition: attachment; name="model"', b"x")),
    "two names": form((PLAIN[0] + b'; name="file"', b"x")),
    "a name in other letters": form((FIELD % "modél".encode(), b"x")),
    "a name in two ways": form((PLAIN[0] + b"; name*=utf-8''file", b"x")),
    "a name that sets the charset": form((FIELD % b"_charset_", b"utf-16")),
    "a parameter that is not closed": form((b'Content-Disposition: form-data; name="model', b"x")),
    "words between parameters": form((PLAIN[0] + b" filename=x", b"x")),
    "a folded header": form((PLAIN[0] + b"\r\n ; filename=x", b"x")),
    "a header without a colon": form((PLAIN[0] + b"\r\nx", b"x")),
    "a header without a name": form((PLAIN[0] + b"\r\n: x", b"x")),
    "a header with a blank before its colon": form((PLAIN[0] + b"\r\nx : y", b"x")),
    "a NUL in a filename": form((FILE % b"a\0.wav", b"x")),
    "a NUL in an encoded filename": form((FIELD % b"f" + b"; filename*=utf-8''%00", b"x")),
    "an encoded filename of no charset": form((FIELD % b"f" + b"; filename*=latin-1''a", b"x")),
    "an encoded filename that is not UTF-8": form((FIELD % b"f" + b"; filename*=utf-8''%ff", b"x")),
    "a bare carriage return in a header": form((FILE % b"a\rb", b"x")),
    "headers that are not UTF-8": form((FILE % b"\xff", b"x")),
    "an encoded part": form((PLAIN[0] + b"\r\nContent-Transfer-Encoding: base64", b"eA==")),
    "a length that is another": form((PLAIN[0] + b"\r\nContent-Length: 4", b"ear")),
    "a length that is none": form((PLAIN[0] + b"\r\nContent-Length: +3", b"ear")),
    "a length in other digits": form((PLAIN[0] + "\r\nContent-Length: \u0663".encode(), b"ear")),
    "a length of sixteen digits": form(
        (PLAIN[0] + b"\r\nContent-Length: 0000000000000003", b"ear")
    ),
    "a length of seventeen": form((PLAIN[0] + b"\r\nContent-Length: 00000000000000003", b"ear")),
    "a type that is none": form((PLAIN[0] + b"\r\nContent-Type: text", b"ear")),
    "a text in another charset": form(
        (PLAIN[0] + b"\r\nContent-Type: text/plain; charset=utf-16", b"ear")
    ),
    "a text that is not UTF-8": form((PLAIN[0], b"\xff")),
    "a NUL in a text": form((PLAIN[0], b"a\0b")),
}


@pytest.mark.req("S-10", "H-72", "H-75")
@pytest.mark.parametrize("why", REFUSED)
def test_what_two_readers_could_read_differently_is_refused(why: str) -> None:
    with pytest.raises(FormMalformed):
        read(REFUSED[why])


def test_the_last_lines_end_may_be_missing() -> None:
    assert read(form(PLAIN)[:-2]) == read(form(PLAIN))


@pytest.mark.req("S-10")
@pytest.mark.parametrize(
    "come", [b"--xYzZy\r\n\r\n\r\n", b"--xYzZy\r\n\r\n\r\n" + b"x" * 9_000], ids=["short", "long"]
)
def test_a_part_without_a_head_is_refused_at_once(come: bytes) -> None:
    with pytest.raises(FormMalformed, match="header of a part is none"):
        FormReader(B).feed(come)


@pytest.mark.req("S-10")
def test_what_follows_the_end_is_refused_while_it_comes() -> None:
    with pytest.raises(FormMalformed, match="follows the closing boundary"):
        FormReader(B).feed(form(PLAIN) + b"x")


def test_a_part_that_does_not_say_its_name_is_told_so() -> None:
    with pytest.raises(FormMalformed, match="does not say its name"):
        read(REFUSED["no name"])


def test_the_text_of_a_file_may_be_in_any_charset() -> None:
    head = FIELD % b"file" + b'; filename="f"\r\nContent-Type: text/plain; charset=utf-16'

    (part,) = read(form((head, b"\xff\xfe")))

    assert part.is_file


@pytest.mark.parametrize(
    "head",
    [
        PLAIN[0] + b"\r\nContent-Length: 3",
        PLAIN[0] + b"\r\nContent-Transfer-Encoding: binary",
        PLAIN[0] + b"\r\nContent-Type: text/plain; charset=UTF-8",
        PLAIN[0] + b'\r\nContent-Type: text/plain; charset="utf-8"',
        b"content-disposition:form-data;name=model",
        b"CONTENT-DISPOSITION: FORM-DATA; NAME=model",
    ],
)
def test_what_clients_say_besides_is_taken(head: bytes) -> None:
    (part,) = read(form((head, b"ear")))

    assert (part.name, part.text) == ("model", "ear")


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        (b"multipart/form-data; boundary=xYzZy", b"xYzZy"),
        (b"Multipart/Form-Data;boundary=----WebKitFormBoundaryA1", b"----WebKitFormBoundaryA1"),
        (b'multipart/form-data; boundary="0f3c-1"', b"0f3c-1"),
        (b"multipart/form-data; boundary=" + b"x" * 70, b"x" * 70),
        (b"application/json", None),
        (b"multipart/mixed; boundary=x", None),
        (b"", None),
    ],
)
def test_the_boundary_is_the_one_that_the_body_has(
    content_type: bytes, boundary: bytes | None
) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.req("H-73", "S-10")
@pytest.mark.parametrize(
    "parameters",
    [
        *(b"", b";", b"; boundary=", b'; boundary=""', b"; boundary=" + b"x" * 71),
        *(b'; boundary="a\r\nb"', b"; boundary=a\r\nb", b'; boundary="a "', b"; boundary=a;boundary=b"),
        *(b"; boundary=x; charset=utf-8", b"; boundary=" + b"x" * 2**20, b'; boundary="\xff"', b"; boundary=a@b"),
    ],
)  # fmt: skip
def test_a_boundary_that_nobody_could_go_by_is_refused(parameters: bytes) -> None:
    with pytest.raises(FormMalformed):
        boundary_of(b"multipart/form-data" + parameters)


def _head(name: str, *, is_file: bool) -> bytes:
    head = FIELD % name.encode()
    return head + b'; filename="f"' if is_file else head
