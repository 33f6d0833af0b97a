"""Certificates of callers: who vouches for which, and what is wrong with those that nobody comes in with."""

from __future__ import annotations

import base64
import datetime as dt
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509

from certificates import HOUR, Authority, bundle, der, usage_of
from tollhouse.auth import bundles
from tollhouse.auth.bundles import BundleInvalid, Roots
from tollhouse.auth.certificates import Authority as Vouching
from tollhouse.auth.certificates import Certificates
from tollhouse.domain.certificates import Certificate
from tollhouse.domain.claims import Rule
from tollhouse.domain.errors import CertificateInvalid
from tollhouse.domain.limiting import Defaults, Rules
from tollhouse.domain.people import Member, People
from tollhouse.domain.snapshot import Names, Snapshot

WEB = "spiffe://prod.example.org/ns/web"
SVID, SIGNING = [x509.UniformResourceIdentifier(WEB)], usage_of(is_authority=False)
LONG = f"spiffe://prod.example.org/{'a' * 2022}"


@dataclass
class Held:
    """Implements Bundle."""

    roots: Roots


class Two:
    """A trust domain and a private authority, each with a root of its own."""

    def __init__(self, folder: Path, rules: tuple[Rule, ...] = (), most_kept: int = 100) -> None:
        self.prod, self.other = Authority(folder, "prod"), Authority(folder, "other")
        self.plain = Authority(folder, "plain")
        self.bundle = Held(bundles.roots(bundle(self.prod)))
        self.certificates = Certificates(
            [
                Vouching("prod", self.bundle, "prod.example.org", rules),
                Vouching("other", Held(bundles.roots(bundle(self.other))), "other.example.org"),
                Vouching("corp", Held(bundles.roots(self.plain.file.read_bytes())), None, rules),
            ],
            most_kept,
        )

    def read(self, authority: Authority, chain: Path) -> Certificate:
        return self.certificates.read([der(chain), authority.root])


@pytest.fixture
def two(tmp_path: Path) -> Two:
    return Two(tmp_path)


@pytest.mark.req("S-40", "OC-3")
def test_an_svid_says_its_id_and_until_when_it_is_good(two: Two) -> None:
    chain = two.prod.svid(WEB)

    found = two.read(two.prod, chain)

    assert (found.spiffe_id, found.authority, found.flaw) == (WEB, "prod", "")
    leaf = x509.load_der_x509_certificate(der(chain))
    assert found.not_after == int(leaf.not_valid_after_utc.timestamp())
    two.certificates.insist(found, time.time())


@pytest.mark.req("OC-76")
def test_a_certificate_of_a_private_authority_says_its_names(two: Two) -> None:
    names = (x509.DNSName("job.corp.test"), x509.RFC822Name("ops@corp.test"))

    found = two.read(two.plain, two.plain.certify_as(*names, name="job"))

    assert (found.authority, found.spiffe_id, found.flaw) == ("corp", None, "")
    assert (found.hosts, found.emails, found.subject) == (
        ("job.corp.test",),
        ("ops@corp.test",),
        "CN=job",
    )


BAD_IDS = {
    "two URIs": (WEB, "spiffe://prod.example.org/ns/other"),
    "two, one of them no SPIFFE ID": (WEB, "https://example.org"),
    "a user": ("spiffe://me@prod.example.org/ns/web",),
    "a port": ("spiffe://prod.example.org:8443/ns/web",),
    "a query": (f"{WEB}?a=b",),
    "a fragment": (f"{WEB}#a",),
    "no path": ("spiffe://prod.example.org",),
    "an empty path": ("spiffe://prod.example.org/",),
    "an upper-case trust domain": ("spiffe://PROD.example.org/ns/web",),
    "an upper-case scheme": ("SPIFFE://prod.example.org/ns/web",),
    "an empty segment": ("spiffe://prod.example.org/ns//web",),
    "a way up": ("spiffe://prod.example.org/ns/../web",),
    "an escape": ("spiffe://prod.example.org/ns/%77eb",),
    "no trust domain": ("spiffe:///ns/web",),
    "another trust domain": ("spiffe://other.example.org/ns/web",),
    "one that nobody knows": ("spiffe://elsewhere.example.org/ns/web",),
    "2,049 bytes": (LONG + "a",),
}


@pytest.mark.req("H-143", "S-40", "S-42")
@pytest.mark.parametrize("ids", BAD_IDS.values(), ids=BAD_IDS)
def test_nobody_comes_in_with_such_an_id(two: Two, ids: tuple[str, ...]) -> None:
    found = two.read(two.prod, two.prod.svid(*ids))

    assert found.spiffe_id is None
    refused(two, found)


@pytest.mark.req("H-143", "S-40")
def test_an_id_may_have_2048_bytes(two: Two) -> None:
    assert len(LONG) == 2048
    assert two.read(two.prod, two.prod.svid(LONG)).spiffe_id == LONG


def svid_for(authority: Authority, **uses: bool) -> Path:
    usage = usage_of(is_authority=False, **uses)
    return authority.certify_as(x509.UniformResourceIdentifier(WEB), usage=usage)


BAD_KINDS: dict[str, Callable[[Authority], Path]] = {
    "no id": lambda it: it.certify_as(usage=usage_of(is_authority=False)),
    "a host name alone": lambda it: it.certify("localhost"),
    "that of an authority": lambda it: it.certify_as(
        x509.UniformResourceIdentifier(WEB), is_authority=True, usage=usage_of(is_authority=False)
    ),
    "a key for certificates": lambda it: it.certify_as(
        x509.UniformResourceIdentifier(WEB), usage=usage_of(is_authority=True)
    ),
    **{
        f"a key {said}": partial(svid_for, **{said: is_said})
        for said, is_said in {
            "key_cert_sign": True,
            "crl_sign": True,
            "digital_signature": False,
        }.items()
    },
    "a key for whatever": lambda it: it.certify_as(x509.UniformResourceIdentifier(WEB)),
}


@pytest.mark.req("H-143", "S-40")
@pytest.mark.parametrize("make", BAD_KINDS.values(), ids=BAD_KINDS)
def test_what_is_no_svid_is_not_taken_for_one(two: Two, make: Callable[[Authority], Path]) -> None:
    refused(two, two.read(two.prod, make(two.prod)))


@pytest.mark.req("S-42")
def test_a_private_authority_vouches_for_no_id_and_a_trust_domain_for_nothing_else(
    two: Two,
) -> None:
    refused(two, two.read(two.plain, two.plain.svid(WEB)))
    refused(two, two.read(two.prod, two.prod.certify("job.corp.test")))


@pytest.mark.req("S-42", "H-143")
def test_an_id_that_another_trust_domains_authority_signed_is_nobodys(two: Two) -> None:
    refused(two, two.read(two.other, two.other.svid(WEB)))


@pytest.mark.req("S-40", "S-43")
def test_it_counts_until_the_first_of_its_chain_ends(two: Two) -> None:
    found = two.read(two.prod, two.prod.svid(WEB, lasts=HOUR + dt.timedelta(minutes=5)))

    two.certificates.insist(found, found.not_after - 1)
    with pytest.raises(CertificateInvalid):
        two.certificates.insist(found, found.not_after)


@pytest.mark.req("S-42")
def test_it_counts_as_long_as_its_root_is_in_the_bundle(two: Two) -> None:
    found = two.read(two.prod, two.prod.svid(WEB))

    two.bundle.roots = bundles.roots(bundle(two.other, two.prod))
    two.certificates.insist(found, time.time())
    two.bundle.roots = bundles.roots(bundle(two.other))

    with pytest.raises(CertificateInvalid):
        two.certificates.insist(found, time.time())


@pytest.mark.req("S-40")
def test_one_that_is_its_own_root_is_nobodys(two: Two) -> None:
    refused(two, two.certificates.read([two.prod.root]))


@pytest.mark.req("S-40")
def test_what_does_not_say_whether_it_is_an_authority_is_a_callers(two: Two) -> None:
    shown = two.read(two.prod, two.prod.certify_as(*SVID, usage=SIGNING, is_authority=None))

    assert shown.spiffe_id == WEB


@pytest.mark.req("S-40", "H-143")
def test_what_tls_lets_pass_and_cannot_be_read_is_nobodys(two: Two) -> None:
    of_no_kind = x509.UnrecognizedExtension(
        x509.SubjectAlternativeName.oid, bytes.fromhex("3004a3023000")
    )
    odd = two.prod.certify_as(further=of_no_kind, usage=SIGNING)

    for shown in (two.read(two.prod, odd), two.certificates.read([b"0", two.prod.root])):
        assert shown.flaw == "it cannot be read"
        refused(two, shown)


def test_what_is_wrong_with_one_is_said_for_the_log(two: Two) -> None:
    assert two.read(two.prod, two.prod.svid(WEB, WEB)).flaw == "it has more than one URI"
    assert two.read(two.plain, two.plain.certify_as(name="")).flaw == (
        "it says nobody's name, or one that nobody can read"
    )


@pytest.mark.req("S-42")
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no bundle",
        b"{}",
        b'{"keys": []}',
        b'{"keys": {}}',
        b'{"keys": [1]}',
        b'{"keys": [], "keys": []}',
        b'{"keys": [{"use": "x509-svid"}]}',
        b'{"keys": [{"use": "x509-svid", "x5c": []}]}',
        b'{"keys": [{"use": "x509-svid", "x5c": ["!"]}]}',
        b'{"keys": [{"use": "x509-svid", "x5c": [1]}]}',
        b'{"keys": [{"use": "jwt-svid", "kid": "1"}]}',
        b" " * (bundles.MOST_BYTES + 1),
    ],
)
def test_what_is_no_bundle_is_not_taken(raw: bytes) -> None:
    with pytest.raises(BundleInvalid):
        bundles.roots(raw)


@pytest.mark.req("S-42")
def test_roots_in_der_are_cut_where_each_says_that_it_ends(two: Two) -> None:
    raw = two.prod.root + two.other.root

    assert bundles.announced_roots(raw) == bundles.roots(bundle(two.prod, two.other))
    for end in range(len(raw)):
        if end != len(two.prod.root):
            with pytest.raises(BundleInvalid):
                bundles.announced_roots(raw[:end])


@pytest.mark.req("S-42", "S-144")
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0",
        b"\x30\x00",
        b"\x30\x81\x01\x00",
        b"\x30\x84\x00\x00\x00\x01\x00",
        b"\x30\x80\x00\x00",
        b"-----BEGIN CERTIFICATE-----",
        b'{"keys": []}',
    ],
    ids=repr,
)
def test_what_an_agent_says_that_is_no_certificate_is_none(two: Two, raw: bytes) -> None:
    with pytest.raises(BundleInvalid):
        bundles.announced_roots(raw)
    if raw:
        with pytest.raises(BundleInvalid):
            bundles.announced_roots(two.prod.root + raw)


def test_a_certificate_may_be_long_and_no_more_than_it_says(two: Two) -> None:
    long = b"\x30\x83\x01\x00\x00" + bytes(65_536)

    assert list(bundles.certificates_of(long + two.prod.root)) == [long, two.prod.root]
    for raw in (
        long[:-1],
        b"\0",
        b"\x31\x81\x00",
        b"\x30\x00",
        b"\x30\x80\x00",
        b"\x30\x84" + bytes(4),
    ):
        with pytest.raises(ValueError):
            next(bundles.certificates_of(raw))


@pytest.mark.req("S-42")
def test_what_an_agent_says_is_bounded_and_all_of_it_authorities(two: Two) -> None:
    leaf = der(two.prod.svid(WEB))
    many = two.prod.root * (bundles.MOST_ROOTS + 1)

    for raw in (leaf, two.prod.root + leaf, many, two.prod.root * 10_000):
        with pytest.raises(BundleInvalid):
            bundles.announced_roots(raw)


@pytest.mark.req("S-42")
def test_a_bundle_with_what_is_no_authority_is_none(two: Two) -> None:
    with pytest.raises(BundleInvalid):
        bundles.roots(two.prod.svid(WEB).read_bytes())


@pytest.mark.req("S-42")
def test_a_bundle_with_what_cannot_be_read_is_none(two: Two) -> None:
    of_no_kind = x509.UnrecognizedExtension(
        x509.SubjectAlternativeName.oid, bytes.fromhex("3004a3023000")
    )
    first_version = two.prod.root.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020101"))
    odd = (
        two.prod.certify_as(is_authority=None),
        two.prod.certify_as(is_authority=True, further=of_no_kind),
    )

    for raw in (
        *(path.read_bytes() for path in odd),
        pem(first_version),
        bundle_of(first_version),
    ):
        with pytest.raises(BundleInvalid):
            bundles.roots(raw)


@pytest.mark.req("S-42")
def test_of_a_bundle_certificates_are_taken_and_keys_for_tokens_are_not(two: Two) -> None:
    said = json.loads(bundle(two.prod))
    said["keys"].append({"use": "jwt-svid", "kid": "1"})

    assert bundles.roots(json.dumps(said).encode()) == bundles.roots(bundle(two.prod))


@pytest.mark.req("S-42")
def test_a_bundle_has_so_many_roots_and_bytes_and_no_more(two: Two) -> None:
    root = two.prod.file.read_bytes()
    most = root + b"\n" * (bundles.MOST_BYTES - len(root))

    assert bundles.roots(most) == bundles.roots(root)
    with pytest.raises(BundleInvalid, match="bytes"):
        bundles.roots(most + b"\n")
    assert bundles.roots(bundle(*[two.prod] * bundles.MOST_ROOTS))
    with pytest.raises(BundleInvalid, match="roots"):
        bundles.roots(bundle(*[two.prod] * (bundles.MOST_ROOTS + 1)))


@pytest.mark.req("S-42")
def test_what_is_announced_is_cut_where_each_certificate_ends(two: Two) -> None:
    found = bundles.announced_roots(two.prod.root + two.other.root)

    assert found == bundles.roots(bundle(two.prod, two.other))
    assert list(bundles.certificates_of(b"\x30\x83\0\0\2ab\x30\x81\1c")) == [
        *(b"\x30\x83\0\0\2ab", b"\x30\x81\1c")
    ]


@pytest.mark.req("S-42")
@pytest.mark.parametrize(
    "behind",
    [
        b"\x30",
        b"\x30\x01c",
        b"\x30\x80c",
        b"\x30\x80",
        b"\x30\x84\0\0\0\1c",
        b"\x31\x81\1c",
        b"\x30\x81\2c",
    ],
)
def test_what_is_announced_and_is_no_certificate_is_not_taken(two: Two, behind: bytes) -> None:
    for raw in (behind, two.prod.root + behind):
        with pytest.raises(ValueError, match=r"certificate|cut"):
            list(bundles.certificates_of(raw))
    with pytest.raises(BundleInvalid):
        bundles.announced_roots(two.prod.root + behind)


def pem(der: bytes) -> bytes:
    return ssl.DER_cert_to_PEM_cert(der).encode()


def bundle_of(der: bytes) -> bytes:
    key = {"use": "x509-svid", "x5c": [base64.b64encode(der).decode()]}
    return json.dumps({"keys": [key]}).encode()


def refused(two: Two, certificate: Certificate) -> None:
    assert certificate.flaw
    with pytest.raises(CertificateInvalid):
        two.certificates.insist(certificate, time.time())


RULES = (
    Rule({"sub": "spiffe://prod.example.org/ns/web*"}, "acme", "default", "anna", ("m",)),
    Rule({"/path/1": "claimed"}, "acme", "default", "claim:/path/2", ("m",)),
)
PEOPLE = People(
    {
        owner: Member(number)
        for number, owner in enumerate(
            ("tenant:acme", "project:acme/default", "user:acme/anna", "issuer:prod", "issuer:corp"),
            start=1,
        )
    },
    Rules(Defaults(), {}),
)
SNAPSHOT = Snapshot(1, {}, Names({}), {}, people=PEOPLE)


@pytest.mark.req("OC-3", "OC-76")
def test_a_certificate_stands_for_whom_the_first_rule_that_fits_says(tmp_path: Path) -> None:
    two = Two(tmp_path, RULES)
    web, claimed, none = (
        two.read(two.prod, two.prod.svid(f"spiffe://prod.example.org/{path}"))
        for path in ("ns/web/1", "claimed/anna", "ns/other")
    )

    found = two.certificates.identify(web, SNAPSHOT, time.time())

    assert found is not None
    assert (found.user, found.accounts, found.models) == ("acme/anna", (1, 2, 3, 4), ("m",))
    assert found.key.startswith("prod:")
    assert found.proof.by == "certificate:prod"
    same = two.certificates.identify(claimed, SNAPSHOT, time.time())
    assert same is not None
    assert same.user == "acme/anna"
    assert two.certificates.identify(none, SNAPSHOT, time.time()) is None


@pytest.mark.req("OC-76")
@pytest.mark.parametrize(
    "when", [{"dns": "job.corp.test"}, {"cn": "job"}, {"email": "d@*"}, {"sub": "CN=job"}], ids=str
)
def test_rules_ask_for_any_name_of_a_plain_certificate(
    tmp_path: Path, when: dict[str, str]
) -> None:
    two = Two(tmp_path, (Rule(when, "acme", "default", "anna", ("m",)),))
    names = (x509.DNSName("job.corp.test"), x509.RFC822Name("a@b.c"), x509.RFC822Name("d@e.f"))
    shown = two.read(two.plain, two.plain.certify_as(*names, name="job"))

    found = two.certificates.identify(shown, SNAPSHOT, time.time())

    assert found is not None


@pytest.mark.req("OC-3")
def test_who_is_gone_from_the_store_is_gone_at_the_next_call(tmp_path: Path) -> None:
    two = Two(tmp_path, RULES)
    shown = two.read(two.prod, two.prod.svid(WEB))
    assert two.certificates.identify(shown, SNAPSHOT, time.time()) is not None
    left = Snapshot(2, {}, Names({}), {}, people=replace(PEOPLE, members={}))

    with pytest.raises(CertificateInvalid):
        two.certificates.identify(shown, left, time.time())


@pytest.mark.req("P-17", "S-28")
def test_one_that_was_taken_back_opens_nothing_any_more(tmp_path: Path) -> None:
    two = Two(tmp_path, RULES)
    shown = two.read(two.prod, two.prod.svid(WEB))
    assert two.certificates.identify(shown, SNAPSHOT, time.time()) is not None
    revoked = frozenset({("prod", shown.thumbprint)})
    after = Snapshot(2, {}, Names({}), {}, people=replace(PEOPLE, revoked_ids=revoked))

    with pytest.raises(CertificateInvalid):
        two.certificates.identify(shown, after, time.time())


@pytest.mark.req("S-42", "S-43")
def test_one_that_was_good_before_is_refused_once_it_or_its_root_is_gone(tmp_path: Path) -> None:
    two = Two(tmp_path, RULES)
    shown = two.read(two.prod, two.prod.svid(WEB))
    assert two.certificates.identify(shown, SNAPSHOT, time.time()) is not None

    with pytest.raises(CertificateInvalid):
        two.certificates.identify(shown, SNAPSHOT, shown.not_after)
    two.bundle.roots = bundles.roots(bundle(two.other))
    with pytest.raises(CertificateInvalid):
        two.certificates.identify(shown, SNAPSHOT, time.time())


def test_what_is_remembered_has_a_bound_and_one_certificate_is_one(tmp_path: Path) -> None:
    two = Two(tmp_path, RULES, most_kept=2)
    chains = [two.prod.svid(f"{WEB}/{number}") for number in range(4)]
    for chain in chains:
        shown = two.read(two.prod, chain)
        two.certificates.identify(shown, SNAPSHOT, time.time())

    assert len(two.certificates._seen) == 2
    assert two.read(two.prod, chains[-1]) is shown


@pytest.mark.req("S-40", "S-42")
def test_it_is_as_old_as_it_is_itself_and_ends_with_the_first_of_its_chain(two: Two) -> None:
    chain = two.prod.svid(WEB, lasts=3 * HOUR)

    found = two.read(two.prod, chain)

    leaf, root = (x509.load_der_x509_certificate(each) for each in (der(chain), two.prod.root))
    assert found.not_before == int(leaf.not_valid_before_utc.timestamp())
    assert found.not_after == int(root.not_valid_after_utc.timestamp())
    assert root.not_valid_after_utc < leaf.not_valid_after_utc


@pytest.mark.req("S-40", "S-36")
def test_the_same_certificate_by_a_chain_that_does_not_hold_is_not_taken_for_the_good_one(
    tmp_path: Path,
) -> None:
    two = Two(tmp_path, RULES)
    shown = two.read(two.prod, two.prod.svid(WEB))
    assert two.certificates.identify(shown, SNAPSHOT, time.time()) is not None

    with pytest.raises(CertificateInvalid):
        two.certificates.identify(replace(shown, flaw="another way"), SNAPSHOT, time.time())


@pytest.mark.req("S-40", "S-42")
def test_the_same_certificate_by_another_root_is_as_good_as_that_root(tmp_path: Path) -> None:
    two = Two(tmp_path, RULES)
    chain = two.prod.svid(WEB)
    two.bundle.roots = bundles.roots(bundle(two.prod, two.other))
    shown = two.read(two.prod, chain)
    two.certificates.identify(shown, SNAPSHOT, time.time())

    again = two.read(two.other, chain)

    assert again.anchor != shown.anchor
    two.bundle.roots = bundles.roots(bundle(two.prod))
    with pytest.raises(CertificateInvalid):
        two.certificates.identify(again, SNAPSHOT, time.time())


def test_one_that_is_looked_at_anew_takes_no_others_place(tmp_path: Path) -> None:
    two = Two(tmp_path, RULES, most_kept=2)
    first, second = (two.read(two.prod, two.prod.svid(f"{WEB}/{each}")) for each in "ab")
    for shown in (first, second):
        two.certificates.identify(shown, SNAPSHOT, time.time())

    two.certificates.identify(second, replace(SNAPSHOT, revision=2), time.time())

    assert set(two.certificates._seen) == {first.thumbprint, second.thumbprint}


@pytest.mark.req("S-40")
def test_a_name_may_have_2048_characters(two: Two) -> None:
    long, longer = (two.plain.certify_as(x509.DNSName("a" * n), name="") for n in (2048, 2049))

    assert not two.read(two.plain, long).flaw
    refused(two, two.read(two.plain, longer))


def test_names_are_few_and_can_be_read(two: Two) -> None:
    hosts = [x509.DNSName(f"h{number}.corp.test") for number in range(65)]

    refused(two, two.read(two.plain, two.plain.certify_as(*hosts)))
    refused(two, two.read(two.plain, two.plain.certify_as(name="a\x1bb")))
    assert not two.read(two.plain, two.plain.certify_as(*hosts[1:])).flaw
