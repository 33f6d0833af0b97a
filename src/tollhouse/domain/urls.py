"""A URL taken apart, once, by the one reader that both judges and dials.

It takes less than the standards allow, so that no two readers can differ on where a URL leads:
http or https, a host in one notation, a port, and a path of plain characters.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from tollhouse.domain.addresses import read
from tollhouse.domain.ranges import Ip

MOST_BYTES = 2048
PORTS = {"http": 80, "https": 443}

WHOLE = re.compile(
    r"""(?P<scheme>https?)://
        (?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))
        (?::(?P<port>[1-9][0-9]{0,4}))?
        (?P<path>/[!$-;=@-\[\]_a-z~]*)?
        (?:\?(?P<query>[!$-;=?@-\[\]_a-z~]*))?""",
    re.VERBOSE,
)
LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
ESCAPED_CONTROL = re.compile(r"%(?:[01][0-9a-f]|7f|(?![0-9a-f]{2}))", re.IGNORECASE)
SCRIPTS = {"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC"}
"""Whose letters are taken for one another."""


class UrlInvalid(ValueError):
    """Says what is wrong with a URL, without repeating it."""


@dataclass(frozen=True, slots=True)
class Url:
    host: str
    """A name in lower case, or an address in its shortest notation."""

    port: int
    is_tls: bool
    path: str
    query: str | None
    address: Ip | None
    """What `host` is, where it is no name."""

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_default = self.port == PORTS["https" if self.is_tls else "http"]
        return host if is_default else f"{host}:{self.port}"


def parse(text: str) -> Url:
    """Raises UrlInvalid."""
    if len(text) > MOST_BYTES:
        raise UrlInvalid(f"it is longer than {MOST_BYTES} bytes")
    parts = WHOLE.fullmatch(text)
    if parts is None:
        raise UrlInvalid(_why_not(text))
    if ESCAPED_CONTROL.search(text):
        raise UrlInvalid("it has a control character, or a bare %, in its path")
    port = int(parts["port"] or PORTS[parts["scheme"]])
    if port > 65_535:
        raise UrlInvalid("ports end at 65535")
    host, address = _host(parts)
    path = parts["path"] or ""
    return Url(host, port, parts["scheme"] == "https", path, parts["query"], address)


def _host(parts: re.Match[str]) -> tuple[str, Ip | None]:
    host = (parts["v6"] or parts["host"]).lower()
    address = read(host)
    if parts["v6"] and (address is None or address.version == 4):
        raise UrlInvalid("what stands in [] is no IPv6 address")
    if address is None:
        _check_name(host)
        return host, None
    return str(address), address


def _check_name(host: str) -> None:
    labels = host.split(".")
    if not labels[-1]:
        raise UrlInvalid("its host ends with a dot: leave the dot out")
    if NUMBER.fullmatch(labels[-1]):
        raise UrlInvalid("its host is an address, but not four plain decimal numbers")
    if len(host) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise UrlInvalid("its host is no name of labels of 1 to 63 letters, digits and dashes")
    for label in labels:
        if label[2:4] == "--" and not _is_international(label):
            raise UrlInvalid("a label of its host has dashes as in xn--, and is no valid one")


def _is_international(label: str) -> bool:
    """Whether a label stands for one of IDNA 2008, in one script and one notation."""
    try:
        meant = label.removeprefix("xn--").encode().decode("punycode")
        is_same = "xn--" + meant.encode("punycode").decode() == label
    except UnicodeError:
        return False
    letters = [char for char in meant if char != "-"]
    scripts = {unicodedata.name(char, "?").split()[0] for char in letters} & SCRIPTS
    return (
        is_same
        and len(scripts) < 2
        and unicodedata.normalize("NFKC", meant) == meant
        and all(_is_letter(char) for char in letters)
        and not unicodedata.combining(meant[0])
    )


def _is_letter(char: str) -> bool:
    """Or what belongs to one: a mark, a digit. Capitals and signs are never in a valid label."""
    return unicodedata.category(char)[0] in "LMN" and not char.isupper()


def _why_not(text: str) -> str:
    scheme, divider, rest = text.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if not text.isascii():
        return "it has characters that are not ASCII: write a host's name in its xn-- form"
    if not text.isprintable() or " " in text:
        return "it has spaces or control characters"
    if "\\" in text:
        return "it has a backslash"
    if not divider or scheme not in PORTS:
        return "it begins with neither http:// nor https://"
    if "@" in authority:
        return "it has a user before the host"
    if "%" in authority:
        return "its host has a % in it"
    if "#" in text:
        return "it has a #"
    if not authority:
        return "it has no host"
    if re.search(r":[^\]]*$", authority):
        return "its port is none from 1 to 65535, or its IPv6 address does not stand in []"
    return "it has characters that a URL does not have"
