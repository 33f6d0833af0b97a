"""An authority of a test's own, and certificates of every kind."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOUR = dt.timedelta(hours=1)


class Authority:
    """Its root is `file`; what it certifies is a PEM file of certificate and key together."""

    def __init__(
        self, folder: Path, name: str = "root", *, age: dt.timedelta = dt.timedelta(0)
    ) -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._key_id = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self._root = (
            _blank(self._name, self._name, self._key, age)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage_of(is_authority=True), critical=True)
            .add_extension(self._key_id, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._root.public_bytes(serialization.Encoding.PEM))

    def certify(self, name: str, *, age: dt.timedelta = dt.timedelta(0)) -> Path:
        """For a name or an address. It ends two hours after it begins, an hour ago plus its age."""
        alternative = (
            x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
        )
        return self.certify_as(alternative, name=name, age=age)

    def certify_as(
        self,
        *names: x509.GeneralName,
        name: str = "workload",
        age: dt.timedelta = dt.timedelta(0),
        lasts: dt.timedelta = 2 * HOUR,
        is_authority: bool | None = False,
        usage: x509.KeyUsage | None = None,
        further: x509.ExtensionType | None = None,
    ) -> Path:
        """With these alternative names; what its key is for is said where `usage` is given."""
        key = ec.generate_private_key(ec.SECP256R1())
        named = [x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else []
        blank = _blank(x509.Name(named), self._name, key, age, lasts).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._key_id),
            critical=False,
        )
        if is_authority is not None:
            blank = blank.add_extension(
                x509.BasicConstraints(ca=is_authority, path_length=None), critical=True
            )
        if further is not None:
            blank = blank.add_extension(further, critical=False)
        if names:
            blank = blank.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if usage is not None:
            blank = blank.add_extension(usage, critical=True)
        certificate = blank.sign(self._key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file = self._folder / f"{name}-{certificate.serial_number}.pem"
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
        return file

    def svid(self, *ids: str, lasts: dt.timedelta = 2 * HOUR) -> Path:
        """As SPIFFE has it, but for what is wrong with the ids."""
        uris = [x509.UniformResourceIdentifier(each) for each in ids]
        return self.certify_as(*uris, lasts=lasts, usage=usage_of(is_authority=False))

    @property
    def root(self) -> bytes:
        """In DER."""
        return self._root.public_bytes(serialization.Encoding.DER)


def bundle(*authorities: Authority) -> bytes:
    """Their roots as a SPIFFE bundle."""
    keys = [
        {"use": "x509-svid", "kty": "EC", "x5c": [base64.b64encode(each.root).decode()]}
        for each in authorities
    ]
    return json.dumps({"keys": keys, "spiffe_sequence": 1}).encode()


def der(chain: Path) -> bytes:
    """The leaf of a file."""
    leaf = x509.load_pem_x509_certificate(chain.read_bytes())
    return leaf.public_bytes(serialization.Encoding.DER)


def showing(chain: Path | None, believes: Path) -> ssl.SSLContext:
    """A client that shows this certificate, and believes servers of that root."""
    context = ssl.create_default_context(cafile=believes)
    if chain is not None:
        context.load_cert_chain(chain)
    return context


def serving(chain: Path, asks_for: Path | None = None) -> ssl.SSLContext:
    """A server that shows this certificate, and perhaps asks for one that `asks_for` vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    if asks_for is not None:
        context.load_verify_locations(asks_for)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _blank(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    age: dt.timedelta,
    lasts: dt.timedelta = 2 * HOUR,
) -> x509.CertificateBuilder:
    begins = dt.datetime.now(dt.UTC) - HOUR - age
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + lasts)
    )


def usage_of(*, is_authority: bool, **said: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        **{
            "digital_signature": True,
            "key_cert_sign": is_authority,
            "crl_sign": is_authority,
            "content_commitment": False,
            "key_encipherment": False,
            "data_encipherment": False,
            "key_agreement": False,
            "encipher_only": False,
            "decipher_only": False,
            **said,
        }
    )
