"""The answer to one call of gRPC, of which only the other side goes on: bytes of HTTP/2 in, messages out.

It asks nobody and waits for nothing: what is to be sent stands in `to_send`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import unquote_to_bytes

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings
from hyperframe.exceptions import HyperframeError

from tollhouse.domain.errors import UpstreamBroke
from tollhouse.upstream.grpc_frames import EMPTY, Frames, Lengths

MOST_OF_HEADERS = 16 * 1024
MOST_OF_FRAME = 16 * 1024
"""As it is where nobody says otherwise."""

LONGEST_WORDS = 200
PING = b"tollgate"
MEDIA_TYPE = b"application/grpc"
OK = b"0"
STATUSES = {
    b"1": "CANCELLED",
    b"2": "UNKNOWN",
    b"3": "INVALID_ARGUMENT",
    b"4": "DEADLINE_EXCEEDED",
    b"5": "NOT_FOUND",
    b"7": "PERMISSION_DENIED",
    b"8": "RESOURCE_EXHAUSTED",
    b"12": "UNIMPLEMENTED",
    b"13": "INTERNAL",
    b"14": "UNAVAILABLE",
    b"16": "UNAUTHENTICATED",
}

Headers = dict[bytes, bytes]


class Answer:
    def __init__(
        self, path: str, authority: str, metadata: Iterable[tuple[str, str]], most_bytes: int
    ) -> None:
        self._http = H2Connection(H2Configuration())
        self._http.local_settings = Settings(
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.MAX_HEADER_LIST_SIZE: MOST_OF_HEADERS,
            }
        )
        self._http.decoder.max_header_list_size = MOST_OF_HEADERS
        self._lengths = Lengths(MOST_OF_FRAME)
        self._frames = Frames(most_bytes)
        self.is_over = False
        self.is_pinged = False
        """Whether something was asked that has to be answered."""

        self._http.initiate_connection()
        head = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", authority),
            ("te", "trailers"),
            ("content-type", MEDIA_TYPE.decode()),
            ("user-agent", "tollhouse"),
            *metadata,
        ]
        self._stream = self._http.get_next_available_stream_id()
        self._http.send_headers(self._stream, head)
        self._http.send_data(self._stream, EMPTY, end_stream=True)

    def to_send(self) -> bytes:
        return self._http.data_to_send()

    def ping(self) -> None:
        self._http.ping(PING)
        self.is_pinged = True

    def fed(self, piece: bytes) -> Iterator[bytes]:
        """Its messages that are whole now. Raises UpstreamBroke for whatever is no good answer."""
        self._lengths.insist(piece)
        try:
            happened = self._http.receive_data(piece)
        except (H2Error, HyperframeError, ValueError, KeyError, IndexError) as error:
            raise UpstreamBroke(private=f"what came is no HTTP/2: {error!r:.200}") from None
        for event in happened:
            yield from self._taken(event)

    def _taken(self, event: events.Event) -> Iterator[bytes]:
        match event:
            case events.ResponseReceived(headers=headers):
                _insist_on_grpc(dict(headers))
            case events.DataReceived(data=data, flow_controlled_length=length):
                self._http.acknowledge_received_data(length, self._stream)
                yield from self._frames.fed(data)
            case events.TrailersReceived(headers=headers):
                _insist_on_ok(dict(headers))
            case events.StreamEnded():
                if not self._frames.is_between:
                    raise UpstreamBroke(private="the stream ended within a message")
                self.is_over = True
            case events.StreamReset(error_code=code) | events.ConnectionTerminated(error_code=code):
                raise UpstreamBroke(private=f"it was broken off with the code {code}")
            case events.PingAckReceived():
                self.is_pinged = False


def _insist_on_grpc(headers: Headers) -> None:
    status, kind = headers.get(b":status"), headers.get(b"content-type", b"")
    if status != b"200" or not kind.startswith(MEDIA_TYPE):
        raise UpstreamBroke(private=f"what answers speaks no gRPC: its status is {status!r}")
    if b"grpc-status" in headers:
        _insist_on_ok(headers)


def _insist_on_ok(headers: Headers) -> None:
    status = headers.get(b"grpc-status", b"")
    if status != OK:
        said = unquote_to_bytes(headers.get(b"grpc-message", b""))[:LONGEST_WORDS]
        words = said.decode(errors="replace")
        name = STATUSES.get(status, "no status that is known")
        raise UpstreamBroke(private=f"{name}: {words!r}")
