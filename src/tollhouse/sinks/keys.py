"""The key that signs the audit chain: Ed25519, and its public half for those who verify.

Whoever holds the private key can forge the chain, so it is kept apart from the log and is
readable by its owner alone. Keep the public key, or a copy of it, where the gateway cannot write.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class KeyUnusable(Exception):
    """A key file that cannot be trusted or read; says which and why."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    id: str
    key: Ed25519PublicKey

    def has_signed(self, signature: bytes, text: bytes) -> bool:
        try:
            self.key.verify(signature, text)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    public: PublicKey
    key: Ed25519PrivateKey

    @property
    def id(self) -> str:
        return self.public.id

    def sign(self, text: bytes) -> bytes:
        return self.key.sign(text)


def load_or_create(path: Path) -> SigningKey:
    """The private key in the PEM file, made if there is none; the public key is put beside it.

    Raises KeyUnusable when the file is no Ed25519 key, or others may read it.
    """
    if not path.exists():
        _create(path)
    signing = _load(path)
    _publish(path.with_name(path.name + ".pub"), signing.public.key)
    return signing


def load_public(path: Path) -> PublicKey:
    """Raises KeyUnusable."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise KeyUnusable(f"{path}: cannot be read as a public key in PEM: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable(f"{path}: a public key, but not Ed25519")
    return PublicKey(key_id(key), key)


def key_id(key: Ed25519PublicKey) -> str:
    return sha256(key.public_bytes_raw()).hexdigest()[:16]


def _create(path: Path) -> None:
    """Written whole beside its place and linked there, so that no other process reads half a key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_private_pem(Ed25519PrivateKey.generate()))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first: its key stands
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def _publish(path: Path, key: Ed25519PublicKey) -> None:
    pem = _public_pem(key)
    if not path.exists() or path.read_bytes() != pem:
        path.write_bytes(pem)


def _load(path: Path) -> SigningKey:
    try:
        mode = path.stat().st_mode & 0o777
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise KeyUnusable(f"{path}: cannot be read as a private key in PEM: {error}") from error
    if mode & 0o077:
        raise KeyUnusable(f"{path}: mode {mode:04o} lets others read it; run `chmod 600 {path}`")
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"{path}: a private key, but not Ed25519")
    public = key.public_key()
    return SigningKey(PublicKey(key_id(public), public), key)


def _private_pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
