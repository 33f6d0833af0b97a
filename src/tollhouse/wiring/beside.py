"""What only some gateways serve beside the calls: the others do not wait at their start until it is read."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tollhouse.config import Problem, Settings
from tollhouse.control.keeping import SnapshotKeeper
from tollhouse.control.peppers import Peppers
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.suspicion import Broken
from tollhouse.pipeline.house import House
from tollhouse.pipeline.route import Route
from tollhouse.ports import Certifier, Register
from tollhouse.server.door import CertificateOf
from tollhouse.telemetry.metrics import Metrics
from tollhouse.wiring.background import Background
from tollhouse.wiring.store import Store

if TYPE_CHECKING:
    from tollhouse.auth.announced import Announced
    from tollhouse.auth.own_svid import Svid
    from tollhouse.auth.workload_api import Said
    from tollhouse.wiring.renewing import Renewing


@dataclass(slots=True)
class Handshakes:
    """Those that break, told to whoever listens by then: the doors are there before anybody does."""

    listener: Callable[[Broken], None] = lambda _: None

    def tell(self, why: Broken) -> None:
        self.listener(why)


@dataclass(frozen=True, slots=True)
class Listening:
    """How the doors speak TLS, and what certificates are to them."""

    tls: ssl.SSLContext | None = None
    certifier: Certifier | None = None
    certificate_of: CertificateOf = lambda _: None
    renewing: Sequence[Renewing[Any]] = ()
    """What they are made of, to be looked at now and then."""

    bundles: Mapping[str, Renewing[Any]] = field(default_factory=dict)
    """The roots of each authority, where certificates are asked for."""

    broken: Handshakes = field(default_factory=Handshakes)

    agents: Sequence[Announced[Any]] = ()
    """Who says some of it, to be listened to."""

    is_open: Callable[[], bool] = lambda: True
    """Whether anybody could come in."""

    def look(self) -> None:
        for each in self.renewing:
            each.look(at_once=True)


def listening_as(settings: Settings) -> Listening:
    """Raises BundleInvalid, OSError."""
    if not settings.server.ends_tls:
        return Listening()
    from tollhouse.wiring.renewing import Renewed
    from tollhouse.wiring.trust import Trust, door

    broken, svid = Handshakes(), _own_svid(settings)
    if settings.server.client_certificates == "off":
        own, agents = door(settings, None, broken.tell, svid), [svid] if svid else []
        return Listening(Renewed.of(own), renewing=(own,), broken=broken, agents=agents)
    trust = Trust(settings)
    own = door(settings, trust, broken.tell, svid)
    is_needed = settings.server.client_certificates == "required"
    return Listening(
        Renewed.of(own),
        trust.certificates,
        trust.certificate_of,
        (*trust.bundles.values(), own),
        trust.bundles,
        broken,
        [each for each in (svid, trust.agent) if each is not None],
        trust.has_any if is_needed else lambda: True,
    )


def _own_svid(settings: Settings) -> Announced[Svid] | None:
    if not settings.server.shows_svid:
        return None
    from tollhouse.wiring.workload_api import of_ourselves

    return of_ourselves(settings)


def keep_renewing(doors: Listening, metrics: Metrics, tasks: Background) -> None:
    if doors.renewing:
        from tollhouse.wiring.renewing import keep

        tasks.start(keep(doors.renewing, metrics.set_unusable_files))
    for agent in doors.agents:
        agent.tell(doors.look)
        tasks.start(agent.keep())


def token_bundles(settings: Settings) -> Announced[Said] | None:
    """Who says what JWT-SVIDs are signed with, where anybody is asked."""
    if not any(each.audiences for each in settings.announced):
        return None
    from tollhouse.wiring.workload_api import of_tokens

    return of_tokens(settings)


def unusable_bundles(settings: Settings) -> Iterable[Problem]:
    if not settings.authorities and not settings.asks_agent:
        return ()
    from tollhouse.wiring.trust import unusable

    return unusable(settings)


def admin_listener(
    settings: Settings,
    house: House,
    peppers: Peppers,
    store: Store,
    register: Register,
    doors: Listening,
) -> AbstractAsyncContextManager[None]:
    if settings.admin.listen is None:
        return nullcontext()
    from tollhouse.wiring.admin import served_admin

    return served_admin(settings, house, peppers, store, register, doors)


def otari_paths(
    settings: Settings,
    house: House,
    peppers: Peppers,
    store: Store,
    register: Register,
    keeper: SnapshotKeeper,
) -> Iterable[Route]:
    if settings.otari.tenant is None:
        return ()
    from tollhouse.wiring.otari import served_otari

    return served_otari(settings, house, peppers, store, register, keeper)


def opencode_paths(
    settings: Settings,
    peppers: Peppers,
    store: Store,
    keeper: SnapshotKeeper,
    stack: AsyncExitStack,
) -> Iterable[Route]:
    if settings.opencode.tenant is None:
        return ()
    from tollhouse.wiring.opencode import served_opencode

    return served_opencode(settings, peppers, store, keeper, stack)


def names_beside(settings: Settings) -> set[str]:
    """Of all routes that any of them has."""
    chat, names = OpenAIChat(), set[str]()
    if settings.admin.listen is not None:
        from tollhouse.admin.console.routes import console_routes
        from tollhouse.admin.routes import admin_table

        names |= {route.name for route in (*admin_table(chat), *console_routes(chat))}
    if settings.otari.tenant is not None:
        from tollhouse.admin.otari.routes import otari_routes

        names |= {route.name for route in otari_routes(chat)}
    if settings.opencode.tenant is not None:
        from tollhouse.admin.opencode.routes import opencode_routes

        names |= {route.name for route in opencode_routes(chat)}
    return names
