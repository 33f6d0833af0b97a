"""SPIFFE's agent, as small as it can be: a server of gRPC by its own authors, with messages by the runtime of
Protocol Buffers itself, described by the published numbers. Nothing here is shared with what reads it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent import futures
from functools import cache
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "SpiffeWorkloadAPI"
STRING, BYTES, MESSAGE = 9, 12, 11
ONE, MANY = 1, 3
SAYS = {
    "FetchX509Bundles": "X509BundlesResponse",
    "FetchJWTBundles": "JWTBundlesResponse",
    "FetchX509SVID": "X509SVIDResponse",
}


class Agent:
    """What it says of each kind is `said`, and goes to all who listen whenever it changes."""

    def __init__(self, folder: Path, address: str = "") -> None:
        """At an address of TCP with the port 0, the port is known once it was started."""
        self.address = address or f"unix://{folder}/agent.sock"
        self.said: dict[str, bytes] = {}
        self.denies = False
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._changed = threading.Condition()
        self._number = 0
        self._server: grpc.Server | None = None

    @property
    def is_there(self) -> bool:
        return self._server is not None

    def start(self) -> None:
        server = grpc.server(
            futures.ThreadPoolExecutor(16),
            options=[("grpc.so_reuseport", 0)],
            maximum_concurrent_rpcs=16,
        )
        kinds = {name: grpc.unary_stream_rpc_method_handler(self._answering(name)) for name in SAYS}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, kinds),))
        at = self.address.removeprefix("tcp://")
        port = server.add_insecure_port(at)
        self.address = self.address.removesuffix(":0") + (
            f":{port}" if self.address.endswith(":0") else ""
        )
        server.start()
        self._server = server

    def stop(self) -> None:
        server, self._server = self._server, None
        self._notify()
        if server is not None:
            server.stop(None).wait(10)

    def says_roots(self, bundles: Mapping[str, bytes]) -> None:
        """By trust domain, in DER."""
        self.says("FetchX509Bundles", _of_domains("X509BundlesResponse", bundles))

    def says_keys(self, bundles: Mapping[str, bytes]) -> None:
        self.says("FetchJWTBundles", _of_domains("JWTBundlesResponse", bundles))

    def says_svid(self, spiffe_id: str, chain: Path, key: Path | None = None) -> None:
        """A file of certificate and key together, or the key of another one."""
        leaf = x509.load_pem_x509_certificate(chain.read_bytes())
        private = load_pem_private_key((key or chain).read_bytes(), None)
        said = {
            "spiffe_id": spiffe_id,
            "x509_svid": leaf.public_bytes(Encoding.DER),
            "x509_svid_key": private.private_bytes(
                Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
            ),
        }
        self.says("FetchX509SVID", message("X509SVIDResponse", svids=[said]))

    def says(self, method: str, raw: bytes) -> None:
        self.said[method] = raw
        self._notify()

    def _notify(self) -> None:
        with self._changed:
            self._number += 1
            self._changed.notify_all()

    def _answering(self, method: str) -> Any:
        def answer(_: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            metadata = dict(context.invocation_metadata())
            self.asked.append((method, metadata))
            if metadata.get("workload.spiffe.io") != "true":
                context.abort(
                    grpc.StatusCode.INVALID_ARGUMENT, "security header missing from request"
                )
            context.add_callback(self._notify)
            last = None
            while context.is_active() and self._server is not None:
                if self.denies:
                    context.abort(grpc.StatusCode.PERMISSION_DENIED, "no identity issued")
                with self._changed:
                    number, said = self._number, self.said.get(method)
                if said is not None and said != last:
                    last = said
                    yield said
                with self._changed:
                    self._changed.wait_for(lambda number=number: self._number != number, timeout=10)

        return answer


def message(kind: str, **members: Any) -> bytes:
    """As the runtime of Protocol Buffers writes it."""
    made = kinds()[kind]()
    for name, value in members.items():
        if isinstance(value, Mapping):
            getattr(made, name).update(value)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for each in value:
                getattr(made, name).add(**each)
        elif isinstance(value, list):
            getattr(made, name).extend(value)
        else:
            setattr(made, name, value)
    return bytes(made.SerializeToString())


def _of_domains(kind: str, bundles: Mapping[str, bytes]) -> bytes:
    return message(kind, bundles={f"spiffe://{name}": raw for name, raw in bundles.items()})


@cache
def kinds() -> Mapping[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="workload.proto", syntax="proto3")
    svid = file.message_type.add(name="X509SVID")
    svid.field.add(name="spiffe_id", number=1, type=STRING, label=ONE)
    svid.field.add(name="x509_svid", number=2, type=BYTES, label=ONE)
    svid.field.add(name="x509_svid_key", number=3, type=BYTES, label=ONE)
    svid.field.add(name="bundle", number=4, type=BYTES, label=ONE)
    svid.field.add(name="hint", number=5, type=STRING, label=ONE)
    svids = file.message_type.add(name="X509SVIDResponse")
    svids.field.add(name="svids", number=1, type=MESSAGE, label=MANY, type_name=".X509SVID")
    svids.field.add(name="crl", number=2, type=BYTES, label=MANY)
    _map(svids, "federated_bundles", 3)
    roots = file.message_type.add(name="X509BundlesResponse")
    roots.field.add(name="crl", number=1, type=BYTES, label=MANY)
    _map(roots, "bundles", 2)
    _map(file.message_type.add(name="JWTBundlesResponse"), "bundles", 1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    names = [each.name for each in file.message_type]
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in names
    }


def _map(kind: Any, name: str, number: int) -> None:
    entry = kind.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
    entry.field.add(name="key", number=1, type=STRING, label=ONE)
    entry.field.add(name="value", number=2, type=BYTES, label=ONE)
    entry.options.map_entry = True
    named = f".{kind.name}.{entry.name}"
    kind.field.add(name=name, number=number, type=MESSAGE, label=MANY, type_name=named)
