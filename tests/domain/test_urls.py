"""URLs, as the one reader takes them."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.urls import MOST_BYTES, UrlInvalid, parse


@pytest.mark.parametrize(
    ("text", "host", "port", "is_tls", "path", "authority"),
    [
        ("http://a.example", "a.example", 80, False, "", "a.example"),
        ("https://A.Example:8443/v1/", "a.example", 8443, True, "/v1/", "a.example:8443"),
        ("https://a:443/x%20y", "a", 443, True, "/x%20y", "a"),
        ("http://my_vllm:8000/v1", "my_vllm", 8000, False, "/v1", "my_vllm:8000"),
        ("http://10.0.0.7/v1", "10.0.0.7", 80, False, "/v1", "10.0.0.7"),
        ("http://[::1]:9/", "::1", 9, False, "/", "[::1]:9"),
        ("http://[0:0::FFFF:127.0.0.1]", "::ffff:7f00:1", 80, False, "", "[::ffff:7f00:1]"),
        ("https://xn--bcher-kva.example", "xn--bcher-kva.example", 443, True, "", "xn--bcher-kva.example"),
        ("https://xn--strae-oqa.example", "xn--strae-oqa.example", 443, True, "", "xn--strae-oqa.example"),
    ],
)  # fmt: skip
def test_a_url_is_taken_apart(
    text: str, host: str, port: int, is_tls: bool, path: str, authority: str
) -> None:
    url = parse(text)

    assert (url.host, url.port, url.is_tls, url.path) == (host, port, is_tls, path)
    assert url.authority == authority


def test_a_url_of_2048_bytes_is_the_longest() -> None:
    longest = "https://a/".ljust(2048, "x")

    assert len(parse(longest).path) == 2039
    with pytest.raises(UrlInvalid, match="2048"):
        parse(longest + "x")


@pytest.mark.req("S-67", "H-106")
def test_a_host_of_253_characters_is_the_longest() -> None:
    longest = ".".join(["a" * 60] * 4) + ".example.a"

    assert parse(f"https://{longest.ljust(253, 'a')}").host == longest.ljust(253, "a")
    with pytest.raises(UrlInvalid):
        parse(f"https://{longest.ljust(254, 'a')}")


@pytest.mark.req("S-67", "H-105")
def test_a_host_with_a_dot_at_its_end_is_told_to_leave_it_out() -> None:
    with pytest.raises(UrlInvalid, match="leave the dot out"):
        parse("https://a.example./v1")


@pytest.mark.req("S-67", "H-106")
@pytest.mark.parametrize(
    "meant",
    [
        "b\N{LATIN CAPITAL LETTER U WITH DIAERESIS}cher",
        "a\N{SNOWMAN}b",
        "abc",
        "\u0301a",
        "pa\u0443pal",
    ],
)
def test_what_no_label_of_an_international_name_may_mean(meant: str) -> None:
    label = "xn--" + meant.encode("punycode").decode()

    with pytest.raises(UrlInvalid):
        parse(f"https://{label}.example/")


@pytest.mark.req("S-67")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example", "not ASCII"),
        ("https://a b", "spaces"),
        ("https://a\tb", "control characters"),
        ("https://a\\b", "backslash"),
        ("a.example/v1", "neither http:// nor https://"),
        ("ftp://a.example", "neither http:// nor https://"),
        ("https://user@a", "a user"),
        ("https://a%2eb", "a % in it"),
        ("https://a/x#y", "a #"),
        ("https:///v1", "no host"),
        ("https://a:0/", "port"),
        ("https://a:99999/", "65535"),
        ("https://a/<x>", "characters that a URL does not have"),
    ],
)
def test_what_is_wrong_with_a_url_is_told(text: str, why: str) -> None:
    with pytest.raises(UrlInvalid, match=why):
        parse(text)


def test_a_query_is_kept_apart() -> None:
    assert parse("https://a/v1?x=1&y=/?").query == "x=1&y=/?"
    assert parse("https://a/v1").query is None


@pytest.mark.req("S-67")
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("http://", id="no host"),
        pytest.param("http:///v1", id="no host but a path"),
        pytest.param("//a/v1", id="no scheme"),
        pytest.param("http:/a", id="one slash"),
        pytest.param("http:a", id="no slash"),
        pytest.param("https://a/" + "x" * MOST_BYTES, id="more than 2 KiB"),
        pytest.param("https://a/#x", id="a fragment"),
        pytest.param("https://" + "a" * 64, marks=pytest.mark.req("H-106"), id="a label of 64"),
        pytest.param("https://" + ".".join(["a" * 60] * 5), marks=pytest.mark.req("H-106"), id="a host of 304"),
        pytest.param("https://a..b", id="an empty label"),
        pytest.param("https://.a", id="an empty first label"),
        pytest.param("https://-a.example", id="a dash before"),
        pytest.param("https://a-.example", id="a dash behind"),
        *[
            pytest.param(f"http://{host}/v1", marks=pytest.mark.req(row), id=f"{row} {host}")
            for row, hosts in {
                "H-92": ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "017700000001",
                         "0X7F.0.0.1", "127.0.0.0x1", "127.0.0.01", "1.2.3.4.5", "256.1.1.1", "1.2.3",
                         "0x", "0", "00.0.0.0"],
                "H-94": ["::1", "[::1", "::1]", "[127.0.0.1]", "[::1]x", "[]", "[:]", "[::g]"],
                "H-101": ["[fe80::1%25eth0]", "[fe80::1%lo]", "[fe80::1%251]", "[::1%]"],
                "H-103": ["allowed@127.0.0.1", "allowed%2f@127.0.0.1", "allowed\\@127.0.0.1",
                          "127.0.0.1\\@allowed", "u:p@a", "@a", "a@", "a%2e", "a%00b"],
                "H-104": ["①②⑦.⓪.⓪.①", "127。0。0。1", "\uff11\uff12\uff17.0.0.1", "ⓛocalhost", "a\u00ad.example",
                          "bücher.example", "loc\u2024alhost"],
                "H-105": ["localhost.", "127.0.0.1.", "foo.localhost.", "a.example."],
                "H-106": ["xn--a", "xn--", "xn---", "xn--0.example", "xn--a-.example", "ab--cd.example",
                          "XN--ABC.example", "xn--pple-43d.example", "xn--nxasmm1c-.example",
                          "xn--1ug.example", "xn--a-bga02n", "xn--n-bga4813q", "xn---jnxirwe.example"],
                "H-115": ["a:0", "a:65536", "a:80:443", "a:", "a:x", "a:+80", "a:08", "a:-1", "a:8 0", "[::1]:"],
                "H-119": ["a\t", "a\nb", " a", "a b", "a\r\n", "a\x00", "a\x7f", "a\u2028"],
            }.items()
            for host in hosts
        ],
        *[
            pytest.param(text, marks=pytest.mark.req("H-114"), id=f"H-114 {text[:20]}")
            for text in ("file:///etc/passwd", "ftp://a/x", "gopher://a:70/x", "dict://a/", "unix:/run/x",
                         "data:text/plain,x" + "x" * 100, "jar:http://a!/x", "http+unix://%2frun%2fx/",
                         "HTTPS://a", "ws://a", "javascript:1", "\thttp://a", "http://a\n")
        ],
        *[
            pytest.param(f"https://a/{path}", marks=pytest.mark.req("H-119"), id=f"H-119 {path!r}")
            for path in ("%0d%0a", "%0D", "x%00", "%7f", "%", "%g0", "%1", "a\tb", "a b", "a\nb", "<", '"',
                         "{x}", "|", "^", "`", "\\", "é", "?a b", "?%0a", "?\\")
        ],
    ],
)  # fmt: skip
def test_anything_that_two_readers_could_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(UrlInvalid) as caught:
        parse(text)

    assert str(caught.value)


@pytest.mark.req("H-106")
def test_an_international_name_may_have_dashes() -> None:
    label = "xn--" + "b\u00fc-cher".encode("punycode").decode()

    assert parse(f"https://{label}.example").host == f"{label}.example"


def test_a_scheme_alone_is_told_what_is_missing() -> None:
    with pytest.raises(UrlInvalid, match="begins with neither"):
        parse("http")


@given(st.from_regex(r"https?://[!-~]{1,40}", fullmatch=True) | st.text(max_size=60))
def test_what_is_taken_reads_alike_to_the_standard_library(text: str) -> None:
    try:
        url = parse(text)
    except UrlInvalid:
        return

    parts = urlsplit(text)
    assert parts.hostname is not None
    assert parts.username is None
    assert url.is_tls == (parts.scheme == "https")
    assert url.port == (parts.port or (443 if url.is_tls else 80))
    assert (url.path, url.query or "") == (parts.path, parts.query)
    assert url.address is not None or url.host == parts.hostname
