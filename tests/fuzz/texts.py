"""Texts that open something or are trusted later: addresses, keys, settings, audit lines."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, ip_address
from types import SimpleNamespace
from typing import cast
from urllib.parse import urlsplit

from tollhouse.auth.virtual_keys import VirtualKeys
from tollhouse.config import ConfigInvalid, parse
from tollhouse.domain import addresses, credentials, ranges, urls
from tollhouse.domain.chain import LONGEST_LINE, Head, beginning, link, parsed
from tollhouse.domain.credentials import Digest
from tollhouse.domain.errors import Unauthenticated
from tollhouse.domain.identity import KeyRecord, Principal
from tollhouse.domain.snapshot import Names, Snapshot
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.identify import credential_of

URL_SEEDS = [
    *(b"https://api.example.com/v1", b"http://127.0.0.1:8000/", b"http://[::1]:80/x/", b"HTTPS://Example.COM:443"),
    *(b"http://2130706433/", b"http://0x7f.1/", b"http://a@b/", b"http://a:80:80/", b"http://[fe80::1%25eth0]/"),
    *(b"http://\xc3\xa9.example/", b"http://a\\b/", b"http://a/?q", b"http://a/#f", b"ftp://a", b"http://a:0", b"http://"),
]  # fmt: skip
ADDRESS_SEEDS = [
    *(b"8.8.8.8", b"10.0.0.1", b"169.254.169.254", b"::ffff:169.254.169.254", b"64:ff9b::a9fe:a9fe"),
    b"2002:a9fe:a9fe::1",
    *(b"2606:4700::1", b"fe80::1%eth0", b"2001:db8::1", b"::", b"0177.0.0.1", b"2130706433", b"fd00:ec2::254"),
    *(b"2001:0:a9fe:a9fe::", b"2606:4700::5efe:a9fe:a9fe", b"224.0.0.1", b"::1", b"64:ff9b:1::808:808"),
]  # fmt: skip
PEPPER = b"p" * 32
KEY = credentials.assemble("a1b2c3d4e5f6", "S" * 32)
CREDENTIAL_SEEDS = [
    *(f"Bearer {KEY}".encode(), f"bearer\t{KEY}".encode(), KEY.encode(), f"Basic {KEY}".encode(), b"Bearer "),
    *(KEY[:-1].encode() + b"x", f"Bearer {KEY}\xa0".encode("latin-1"), f"{KEY},{KEY}".encode(), b"thk_", b"\xff"),
    f"x-api-key\n{KEY}\nauthorization\nBearer {KEY}".encode(),
]  # fmt: skip
ENVIRON = {"UP_KEY": "sk-canary-0123456789abcdef", "DB": "canary horse battery staple"}
CONFIG_SEEDS = [
    b"",
    b'data_dir = "/tmp/x"\n[server]\nlisten = "127.0.0.1:8400"\nhosts = ["a.example"]\n',
    b'[providers.up]\nkind = "openai-compatible"\nurl = "http://127.0.0.1:1/v1"\nkey = "env:UP_KEY"\n'
    b'[models.m]\ntargets = ["up:x"]\nmax_output_tokens = 10\n',
    b'[store]\nurl = "postgresql://u:secret@h:5432/d"\npassword = "env:DB"\n[auth.peppers]\n1 = "env:DB"\n',
    b'[limits]\nstore = "valkey://h:6379/0"\nrequests_per_minute = -1\n[breaker]\nopen_s = inf\n[x]\ny = 1\n',
    b'key = "sk-canary-9876543210fedcba"\n[server]\nlisten = 5\ntls_cert = []\n[[models]]\n',
]
AUDIT_SEEDS = [
    link(beginning("host-w0"), b'"kind":"call","at":"2026-01-01T00:00:00.000Z","owed_nanos":5')[0],
    link(Head("w", 41, "0" * 64), b'"kind":"start"')[0],
    b'{"v":1,"writer":"w","seq":1,"prev":"'
    + b"0" * 64
    + b'","kind":"call","hash":"'
    + b"1" * 64
    + b'"}\n',
]


def url_target(data: bytes) -> None:
    """What is taken apart says the same to another reader, and when it is put together again."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        url = urls.parse(text)
    except urls.UrlInvalid:
        return
    assert 1 <= url.port <= 65535
    assert re.fullmatch(r"[a-z0-9._:\[\]-]+", url.authority), url.authority
    other = urlsplit(text)
    assert (other.port or urls.PORTS[other.scheme]) == url.port
    assert str(addresses.read(other.hostname or "") or other.hostname) == url.host
    scheme = "https" if url.is_tls else "http"
    query = "" if url.query is None else f"?{url.query}"
    assert urls.parse(f"{scheme}://{url.authority}{url.path}{query}") == url


def address_target(data: bytes) -> None:
    """Nothing but a public address is let through, in whatever notation it comes."""
    text = data.decode("utf-8", "surrogateescape")
    verdict = addresses.judge(text, 443, addresses.Permit())
    if verdict.is_allowed:
        address = ip_address(text)
        mapped = getattr(address, "ipv4_mapped", None) or address
        assert mapped.is_global or mapped in ranges.NAT64
        assert not mapped.is_multicast
        if mapped in ranges.NAT64:
            assert IPv4Address(int(mapped) & 0xFFFF_FFFF).is_global


def credentials_target(data: bytes) -> None:
    """Of all that can be sent, one key lets in; nobody gets further by writing it otherwise."""
    lines = data.split(b"\n")
    pairs = list(zip(lines[::2], lines[1::2], strict=False)) or [(b"authorization", data)]
    headers = [(name.lower(), value) for name, value in pairs]
    call = cast(Call, SimpleNamespace(headers=headers, fields=dict(headers)))
    try:
        presented = credential_of(call)
    except Unauthenticated:
        return
    if presented is None:
        return
    claimed = credentials.public_id(presented)
    if claimed is not None:
        stem = presented[: -credentials.CHECKSUM_LENGTH]
        assert credentials.assemble(claimed, stem[-credentials.SECRET_LENGTH :]) == presented
    try:
        found = VirtualKeys({1: PEPPER}).identify(presented, _snapshot(), 0.0)
    except Unauthenticated:
        assert presented != KEY
        return
    assert presented == KEY
    assert found.key == "a1b2c3d4e5f6"


def config_target(data: bytes) -> None:
    """Settings, or every problem in words that give no secret away. Nothing else."""
    told, problems = "", []
    try:
        parse(data.decode("utf-8", "replace"), ENVIRON)
    except ConfigInvalid as invalid:
        told, problems = str(invalid), invalid.problems
    assert bool(told) == bool(problems)
    assert all(problem.expected for problem in problems)
    assert not any(secret in told for secret in ENVIRON.values())
    assert all(char.isprintable() or char == "\n" for char in told)


def audit_line_target(data: bytes) -> None:
    """A line that is taken for a record is one: it can be written again from what was read of it."""
    data = data.split(b"\n")[0] + b"\n"  # as a file is read
    line = parsed(data)
    if line is None:
        return
    assert len(data) <= LONGEST_LINE
    envelope = b'{"v":1,"writer":"%b","seq":%d,"prev":"%b",' % (
        *(line.writer.encode(), line.seq, line.prev.encode()),
    )
    assert line.text.startswith(envelope)
    again, head = link(Head(line.writer, line.seq - 1, line.prev), line.text[len(envelope) :])
    assert head.hash == line.computed
    assert (again == data) == line.is_intact
    for at in range(0, len(line.text), 7):
        forged = bytes([*data[:at], data[at] ^ 1, *data[at + 1 :]])
        other = parsed(forged)
        assert other is None or other.computed != line.computed


def _snapshot() -> Snapshot:
    principal = Principal("a1b2c3d4e5f6", "acme", "acme/p", "acme/u", (1, 2, 3, 4), ())
    record = KeyRecord(principal, Digest(1, credentials.digest(KEY, PEPPER)))
    return Snapshot(1, {"a1b2c3d4e5f6": record}, Names({}), {})
