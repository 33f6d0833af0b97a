"""The door as the settings describe it."""

from __future__ import annotations

from pathlib import Path

from tollhouse.config import Settings
from tollhouse.pipeline.house import Watch
from tollhouse.server.app import App, Manners
from tollhouse.server.clocks import Clocks
from tollhouse.server.door import CertificateOf, Door
from tollhouse.server.hosts import Hosts, Origins
from tollhouse.server.spool import Disk

UPLOADS = Path("uploads")


def manners(settings: Settings) -> Manners:
    server = settings.server
    is_loopback = server.listen.is_loopback
    return Manners(
        hosts=Hosts(server.listen.host, server.hosts, is_loopback=is_loopback),
        origins=Origins(
            server.cors_origins, with_credentials=server.cors_credentials, is_loopback=is_loopback
        ),
        trusted=server.trusted_proxies,
        most_at_once=server.max_concurrent_requests,
        needs_length=server.require_content_length,
    )


def make_door(settings: Settings, app: App, watch: Watch, certificate_of: CertificateOf) -> Door:
    server = settings.server
    return Door(
        app.answer,
        Clocks(
            head_s=server.header_s,
            body_s=server.body_s,
            idle_s=server.idle_s,
            stall_s=server.stall_s,
        ),
        most_per_address=server.max_connections_per_address,
        trusted=server.trusted_proxies,
        on_suspicion=watch.suspected,
        certificate_of=certificate_of,
    )


def upload_disk(settings: Settings) -> Disk:
    """This process's share."""
    most = settings.uploads.max_disk_bytes // settings.server.workers
    return Disk(settings.at(UPLOADS), most)
