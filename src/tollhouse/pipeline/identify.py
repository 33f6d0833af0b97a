"""Who is it: decided on the headers alone, before a byte of a stranger's body is read."""

from __future__ import annotations

from collections.abc import Awaitable

from tollhouse.domain import throttling
from tollhouse.domain.bounds import Bounds
from tollhouse.domain.certificates import Certificate
from tollhouse.domain.errors import (
    AmbiguousCredentials,
    BearerEmpty,
    CertificateInvalid,
    KeyMalformed,
    KeyMissing,
    ProofInvalid,
    ProofMissing,
    RoleReadonly,
    SchemeForeign,
    SchemeMissing,
    Unauthenticated,
)
from tollhouse.domain.exchange import Proving
from tollhouse.domain.identity import Principal
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.record import Journal
from tollhouse.pipeline.route import ID, Does

CREDENTIAL_HEADERS = frozenset({b"authorization", b"x-api-key", b"otari-key", b"x-goog-api-key"})
PROOF_HEADER = b"dpop"
LONGEST_CREDENTIAL = 8192
BLANKS = " \t"  # those of HTTP: a no-break space is part of what was sent


class Proven(str):
    """A credential that its bearer says to be bound: the scheme of its header is `DPoP`."""

    __slots__ = ()


async def identify(record: Journal, house: House) -> Principal:
    """The throttle is asked before anything is looked up, and told how it went."""
    peer, throttle, now_us = record.call.peer, house.throttle, house.clock_ns() // 1000
    try:
        presented = record.presented = credential_of(record.call)
        if presented is None:
            return _reading(record, _by_certificate(record, house))
        if wait_us := throttle.wait_us(peer, presented, now_us):
            raise throttling.too_many(wait_us)
        principal = _proved(presented, house)
        while not isinstance(principal, Principal):
            await principal
            principal = _proved(presented, house)
        if record.call.certificate is not None:
            _insist_on_one(principal, record.call.certificate, house)
        if principal.bounds is not None:
            record.caller = principal
            _within(principal.bounds, record.call, house)
            _insist_on_proof(principal.bounds, record.call, presented, house)
        elif type(presented) is not str:
            raise ProofInvalid(private="what it goes with is bound to no key")
    except Unauthenticated:
        if wait_us := throttle.failed(peer, record.presented, now_us):
            raise throttling.too_many(wait_us) from None
        raise
    throttle.proved(presented)
    return _reading(record, principal) if principal.is_readonly else principal


def identify_again(record: Journal, house: House) -> Principal | None:
    """Who it is by now, of a call that was let in: all that was looked at then, but the proof, which is good for
    one look. None where that has to be asked for first, as it then is. Raises Refusal, Failure.
    """
    call = record.call
    presented = credential_of(call)
    if presented is None:
        return _reading(record, _by_certificate(record, house))
    principal = _proved(presented, house)
    if not isinstance(principal, Principal):
        return None
    if call.certificate is not None:
        _insist_on_one(principal, call.certificate, house)
    if principal.bounds is not None:
        _within(principal.bounds, call, house)
    return _reading(record, principal)


def _reading(record: Journal, caller: Principal) -> Principal:
    """Who only reads is let in by routes that do."""
    if caller.is_readonly and record.call.route.does is not Does.READS:
        record.caller = caller
        raise RoleReadonly
    return caller


def credential_of(call: Call) -> str | None:
    """What the caller presents, wherever its client puts it."""
    fields = call.fields
    names = CREDENTIAL_HEADERS & fields.keys()
    if len(names) == 1 and len(fields) == len(call.headers):  # none came twice
        (name,) = names
        return _bare(name, fields[name])
    shown = [header for header in call.headers if header[0] in CREDENTIAL_HEADERS]
    presented = [_bare(name, value) for name, value in shown]
    if len(shown) > 1 and (len(dict(shown)) < len(shown) or len(set(presented)) > 1):
        raise AmbiguousCredentials
    return presented[0] if presented else None


def _within(bounds: Bounds, call: Call, house: House) -> None:
    """What binds a key or token holds of this call. Its certificate, if it has one, was looked at before."""
    bounds.insist_on_time(house.now_s())
    bounds.insist_on_place(call.peer)
    bounds.insist_on_route(call.route.name)
    bounds.insist_on_certificate(call.certificate)


def _insist_on_proof(bounds: Bounds, call: Call, presented: str, house: House) -> None:
    if bounds.proof_key:
        if house.prover is None:
            raise ProofInvalid(private="nobody looks at proofs here")
        house.prover.insist(_proving(call, presented), bounds.proof_key, house.now_s())


def _proving(call: Call, presented: str) -> Proving:
    """Raises ProofMissing, ProofInvalid."""
    shown = [value for name, value in call.headers if name == PROOF_HEADER]
    if not shown:
        raise ProofMissing
    if len(shown) > 1:
        raise ProofInvalid(private="two proofs came with one request")
    path = call.route.path
    path = path.replace(ID, call.path_rest) if ID in path else path + call.path_rest
    host = call.header(b"host") or b""
    return Proving(
        *(shown[0].decode("latin-1"), str(presented), call.route.method),
        *(host.decode("latin-1"), path),
    )


def _by_certificate(record: Journal, house: House) -> Principal:
    """Where nothing else is shown."""
    certificate = record.call.certificate
    if certificate is None:
        raise KeyMissing
    record.presented = certificate.thumbprint
    caller = _shown(certificate, house)
    if caller is None:
        raise KeyMissing
    return caller


def _insist_on_one(principal: Principal, certificate: Certificate, house: House) -> None:
    """Beside a credential the certificate has to hold as well, and may stand for nobody else by itself.

    One that the credential is bound to is there for its sake.
    """
    shown = _shown(certificate, house)
    is_bound = principal.bounds is not None and principal.bounds.certificates
    if shown is not None and shown.user != principal.user and not is_bound:
        raise AmbiguousCredentials


def _shown(certificate: Certificate, house: House) -> Principal | None:
    """Whom it stands for by itself, if it does. It has to hold at each call."""
    if house.certifier is None:
        raise CertificateInvalid(private="nobody vouches for certificates here")
    return house.certifier.identify(certificate, house.snapshot, house.now_s())


def _proved(presented: str, house: House) -> Principal | Awaitable[None]:
    """The shape of the credential picks one authenticator; a bad one never falls through to the next."""
    for shape, authenticator in house.authenticators.items():
        if presented.startswith(shape):
            return authenticator.identify(presented, house.snapshot, house.now_s())
    raise KeyMalformed


def _bare(name: bytes, value: bytes) -> str:
    if len(value) > LONGEST_CREDENTIAL:
        raise KeyMalformed("The credential is longer than any that is given out here.")
    text = value.decode("latin-1").strip(BLANKS)
    scheme, blank, rest = text.partition(" ")
    if scheme.lower() == "dpop" and name == b"authorization" and rest.strip(BLANKS):
        return Proven(rest.strip(BLANKS))
    if scheme.lower() == "bearer":
        if not (key := rest.strip(BLANKS)):
            raise BearerEmpty
        return key
    if name == b"authorization":
        raise SchemeForeign if blank else SchemeMissing
    return text
