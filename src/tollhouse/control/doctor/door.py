"""Checks of what callers and neighbours meet: listeners, certificates, limits, log lines."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from tollhouse.control.doctor.finding import Check, Ill, Mend, Severity, lines
from tollhouse.control.doctor.seen import Seen
from tollhouse.control.limiting import defaults

ENDS_SOON_MS = 30 * 86_400_000


def _clear_behind_proxy(seen: Seen) -> Iterator[Ill]:
    server = seen.settings.server
    if not server.listen.is_loopback and not server.ends_tls:
        mend = lines(("server",), tls_certificate="tls.crt", tls_key="tls.key")
        found = f"{server.listen} is served without TLS, since it ends at a proxy"
        yield Ill(found, Mend(mend, words="Put the two files into data_dir."))


def _admin_exposed(seen: Seen) -> Iterator[Ill]:
    listen = seen.settings.admin.listen
    if listen is not None and not listen.is_loopback:
        mend = lines(("admin",), listen=f"127.0.0.1:{listen.port}")
        yield Ill(f"the admin API listens on {listen}", Mend(mend, words="Reach it through ssh."))


def _any_host(seen: Seen) -> Iterator[Ill]:
    server = seen.settings.server
    if not server.listen.is_loopback and not server.hosts:
        mend = lines(("server",), hosts=["gateway.example.com"])
        yield Ill(
            "any name in `Host` is taken", Mend(mend, words="The names that callers really use.")
        )


def _any_origin(seen: Seen) -> Iterator[Ill]:
    if "*" in seen.settings.server.cors_origins:
        mend = lines(("server",), cors_origins=["https://chat.example.com"])
        words = "The pages that really call; none is best."
        yield Ill("web pages of any origin may call", Mend(mend, words=words))


def _certificate_expired(seen: Seen) -> Iterator[Ill]:
    if (ends := _certificate_ends(seen)) and ends <= _now(seen):
        yield Ill(f"the certificate ended on {ends:%Y-%m-%d}", _renewal(seen))


def _certificate_ends_soon(seen: Seen) -> Iterator[Ill]:
    ends = _certificate_ends(seen)
    if ends and 0 < (ends - _now(seen)).total_seconds() * 1000 <= ENDS_SOON_MS:
        yield Ill(f"the certificate ends on {ends:%Y-%m-%d}", _renewal(seen))


def _certificate_ends(seen: Seen) -> datetime | None:
    path = seen.settings.server.tls_certificate
    if path is None:
        return None
    try:
        own = x509.load_pem_x509_certificates(seen.settings.at(path).read_bytes())[0]
    except (OSError, ValueError):
        return datetime.fromtimestamp(0, UTC)
    return own.not_valid_after_utc


def _bundles_bad(seen: Seen) -> Iterator[Ill]:
    for name, authority in seen.settings.authorities.items():
        if authority.audiences and seen.settings.server.client_certificates == "off":
            continue  # its keys are all that is needed of it
        if authority.bundle_file is None:
            continue  # the agent has it
        path = seen.settings.at(authority.bundle_file)
        words = (
            f"Put the roots that {name} has now into {path}; the gateway takes them up by itself."
        )
        try:
            ends = max(each.not_valid_after_utc for each in _roots(path.read_bytes()))
        except (OSError, ValueError, TypeError, KeyError, IndexError):
            yield Ill(f"{path} has no roots that can be read", Mend(words=words))
            continue
        if ends <= _now(seen):
            yield Ill(f"the last root of {path} ended on {ends:%Y-%m-%d}", Mend(words=words))


def _agent_away(seen: Seen) -> Iterator[Ill]:
    endpoint = seen.settings.workload_api.socket
    if endpoint is not None and endpoint.path and not Path(endpoint.path).is_socket():
        words = "Start the agent, mount its socket, or name it under `socket` of [workload_api]."
        yield Ill(f"there is no socket at {endpoint.path}", Mend(words=words))


def _roots(raw: bytes) -> list[x509.Certificate]:
    """In PEM, or as SPIFFE has them. What is wrong with them raises whatever it does."""
    if not raw.lstrip().startswith(b"{"):
        return x509.load_pem_x509_certificates(raw)
    said = [each for each in json.loads(raw)["keys"] if each["use"] == "x509-svid"]
    return [x509.load_der_x509_certificate(base64.b64decode(each["x5c"][0])) for each in said]


def _now(seen: Seen) -> datetime:
    return datetime.fromtimestamp(seen.now_ms / 1000, UTC)


def _renewal(seen: Seen) -> Mend:
    path = seen.settings.server.tls_certificate
    return Mend(words=f"Put a renewed chain into {path}; the gateway takes it up by itself.")


def _limits_off(seen: Seen) -> Iterator[Ill]:
    if seen.settings.limits.requests_per_minute == 0:
        mend = lines(("limits",), requests_per_minute=240)
        yield Ill("no limit of requests per minute is set", Mend(mend))


def _throttle_off(seen: Seen) -> Iterator[Ill]:
    if seen.settings.auth.failures_per_minute == 0:
        mend = lines(("auth",), failures_per_minute=60)
        yield Ill("failed logins are not throttled", Mend(mend))


def _limits_apart(seen: Seen) -> Iterator[Ill]:
    limits = seen.settings.limits
    if defaults(seen.settings).each and not limits.is_shared and seen.processes > 1:
        found = (
            f"{seen.processes} processes count alone: together they let {seen.processes} times "
            "as much through as a limit says"
        )
        yield Ill(found, Mend(lines(("limits",), store="valkey://127.0.0.1:6379/0")))


def _metrics_exposed(seen: Seen) -> Iterator[Ill]:
    listen = seen.settings.metrics.listen
    if listen is not None and not listen.is_loopback:
        mend = lines(("metrics",), listen=f"127.0.0.1:{listen.port}")
        yield Ill(f"metrics are served on {listen} without a credential", Mend(mend))


def _metrics_off(seen: Seen) -> Iterator[Ill]:
    if seen.settings.metrics.listen is None:
        yield Ill("no metrics are served", Mend(lines(("metrics",), listen="127.0.0.1:9400")))


def _log_debug(seen: Seen) -> Iterator[Ill]:
    if seen.settings.log.level == "debug":
        yield Ill("the log is at the level debug", Mend(lines(("log",), level="info")))


def _no_models(seen: Seen) -> Iterator[Ill]:
    if not seen.settings.models:
        provider = lines(("providers", "local"), kind="local")
        model = '[models.smollm2]\ntargets = ["local:smollm2-135m"]'
        yield Ill("there are no models", Mend(f"{provider}\n{model}"))


CHECKS = (
    Check(
        "admin-exposed",
        Severity.UNSAFE,
        "It is for those on the host: a stolen token works from everywhere.",
        ("deploy-least-privilege",),
        _admin_exposed,
    ),
    Check(
        "any-host",
        Severity.UNFINISHED,
        "A name that somebody else points here makes browsers and proxies take this gateway for theirs.",
        ("deploy-cors",),
        _any_host,
    ),
    Check(
        "any-origin",
        Severity.UNSAFE,
        "Every page that somebody visits may spend a key that it finds in the browser.",
        ("deploy-cors",),
        _any_origin,
    ),
    Check(
        "clear-behind-proxy",
        Severity.UNFINISHED,
        "Keys and content can be read by whoever is between the proxy and the gateway.",
        ("deploy-https",),
        _clear_behind_proxy,
    ),
    Check(
        "certificate-expired",
        Severity.UNSAFE,
        "Clients refuse it, or are taught to refuse nothing.",
        ("deploy-https",),
        _certificate_expired,
    ),
    Check(
        "trust-bundle-bad",
        Severity.UNFINISHED,
        "Nobody comes in by it, or soon nobody will.",
        ("deploy-https",),
        _bundles_bad,
    ),
    Check(
        "agent-away",
        Severity.UNFINISHED,
        "Nobody comes in by what SPIFFE's agent vouches for, or soon nobody will.",
        ("deploy-https",),
        _agent_away,
    ),
    Check(
        "certificate-ends-soon",
        Severity.UNFINISHED,
        "A certificate that ends unseen is an outage with a date.",
        ("deploy-https",),
        _certificate_ends_soon,
    ),
    Check(
        "limits-off",
        Severity.UNSAFE,
        "One key may take all there is.",
        ("deploy-limits",),
        _limits_off,
    ),
    Check(
        "throttle-off",
        Severity.UNSAFE,
        "Whoever guesses keys may go on guessing.",
        ("deploy-limits",),
        _throttle_off,
    ),
    Check(
        "limits-apart",
        Severity.UNFINISHED,
        "A limit that is counted in several places is not the limit that was set.",
        ("deploy-limits",),
        _limits_apart,
    ),
    Check(
        "metrics-exposed",
        Severity.UNSAFE,
        "Whoever reaches them learns what is called, how often, and what it costs.",
        ("deploy-monitoring",),
        _metrics_exposed,
    ),
    Check(
        "metrics-off",
        Severity.ADVICE,
        "Without figures nobody is woken.",
        ("deploy-monitoring", "operate-alerts"),
        _metrics_off,
    ),
    Check(
        "log-debug",
        Severity.UNFINISHED,
        "Debug lines say more than an operator needs, and are kept by whoever keeps logs.",
        ("deploy-logs",),
        _log_debug,
    ),
    Check(
        "no-models",
        Severity.UNFINISHED,
        "Every call is refused with `model_unknown`.",
        ("deploy-complete",),
        _no_models,
    ),
)
