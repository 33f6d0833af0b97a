"""For every check of the doctor: a house that has what it looks for."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from ailing import House, certificate

from certificates import Authority
from stores import DAY_MS, PEPPERS, acme_key, hold, settle
from tollhouse.control import budgets, keys, peppers, secrets, sweeping
from tollhouse.control.budgets import Grant
from tollhouse.control.doctor import Seen
from tollhouse.control.doctor.machine import Library, Machine, Process
from tollhouse.control.keys import Issued, Wish
from tollhouse.domain.budget import Outcome
from tollhouse.domain.lifetimes import DAY_S, USUAL_S
from tollhouse.storage.heads import Anchored, anchor
from tollhouse.storage.sqlite import SqliteDatabase

Arrange = Callable[[House], Awaitable[None]]

ILLS: dict[str, Arrange] = {}

PEPPER = '[auth.peppers]\n1 = "env:TOLLHOUSE_PEPPER"'
POSTGRES = "postgresql://gate@db.internal:5432/gate"


def ill(check: str) -> Callable[[Arrange], Arrange]:
    def named(arrange: Arrange) -> Arrange:
        assert check not in ILLS
        ILLS[check] = arrange
        return arrange

    return named


# --- the door ----------------------------------------------------------------------------


@ill("clear-behind-proxy")
async def _(house: House) -> None:
    house.set('[server]\nlisten = "192.0.2.1:8400"\ntrusted_proxies = ["192.0.2.2/32"]')
    certificate(house.data / "tls.crt", days=90)
    (house.data / "tls.key").touch(mode=0o600)


@ill("admin-exposed")
async def _(house: House) -> None:
    _with_certificate(house, days=90)
    house.by_hand = None
    house.set('[admin]\nlisten = "192.0.2.1:8401"')


@ill("any-host")
async def _(house: House) -> None:
    house.set('[server]\nlisten = "192.0.2.1:8400"\ntrusted_proxies = ["192.0.2.2/32"]')


@ill("any-origin")
async def _(house: House) -> None:
    house.set('[server]\ncors_origins = ["*"]')


@ill("trust-bundle-bad")
async def _(house: House) -> None:
    certificate(house.data / "corp.pem", days=-1)
    house.set('[authorities.corp]\nbundle_file = "corp.pem"')

    async def exchange() -> None:
        certificate(house.data / "corp.pem", days=90)

    house.by_hand = exchange


@ill("agent-away")
async def _(house: House) -> None:
    path = house.data / "agent.sock"
    house.set(
        f'[workload_api]\nsocket = "unix://{path}"',
        '[authorities.prod]\nbundle_from = "workload-api"\ntrust_domain = "x.test"',
    )

    async def start() -> None:
        with socket.socket(socket.AF_UNIX) as agent:
            agent.bind(str(path))

    house.by_hand = start


@ill("certificate-expired")
async def _(house: House) -> None:
    _with_certificate(house, days=-1)


@ill("certificate-ends-soon")
async def _(house: House) -> None:
    _with_certificate(house, days=10)


@ill("limits-off")
async def _(house: House) -> None:
    house.set("[limits]\nrequests_per_minute = 0")


@ill("throttle-off")
async def _(house: House) -> None:
    house.set("[auth]\nfailures_per_minute = 0")


@ill("limits-apart")
async def _(house: House) -> None:
    house.set("[server]\nworkers = 2")


@ill("metrics-exposed")
async def _(house: House) -> None:
    house.set('[metrics]\nlisten = "0.0.0.0:9400"')


@ill("metrics-off")
async def _(house: House) -> None:
    house.set('[metrics]\nlisten = "off"')


@ill("log-debug")
async def _(house: House) -> None:
    house.set('[log]\nlevel = "debug"')


@ill("no-models")
async def _(house: House) -> None:
    house.write(f'data_dir = "{house.data}"\n')


# --- files -------------------------------------------------------------------------------


@ill("secret-files")
async def _(house: House) -> None:
    await peppers.opened(house.settings(), house.store)
    peppers.pepper_path(house.settings()).chmod(0o644)


@ill("env-file-tracked")
async def _(house: House) -> None:
    (house.directory / ".git").mkdir()
    house.file.with_name(".env").touch(mode=0o600)


@ill("config-writable")
async def _(house: House) -> None:
    house.file.chmod(0o620)


@ill("config-readable")
async def _(house: House) -> None:
    house.file.chmod(0o604)


@ill("data-open")
async def _(house: House) -> None:
    house.data.chmod(0o755)


@ill("audit-key-beside-log")
async def _(house: House) -> None:
    (house.data / "audit.key").touch(mode=0o600)
    (house.data / "audit.key.pub").touch()


@ill("pepper-beside-store")
async def _(house: House) -> None:
    await peppers.opened(house.settings(), house.store)


# --- the ways out ------------------------------------------------------------------------


@ill("http-upstream-near")
async def _(house: House) -> None:
    house.set('[providers.near]\nkind = "openai-compatible"\nurl = "http://10.0.0.7:8000/v1"')


@ill("database-plain")
async def _(house: House) -> None:
    house.set(f'[store]\nurl = "{POSTGRES}?application_name=gate"', PEPPER)
    house.alter = _without_store


@ill("database-unverified")
async def _(house: House) -> None:
    house.set(f'[store]\nurl = "{POSTGRES}?sslmode=require"', PEPPER)
    house.alter = _without_store


@ill("database-password")
async def _(house: House) -> None:
    house.set(f'[store]\nurl = "{POSTGRES}"', PEPPER)
    house.alter = _without_store


@ill("counters-plain")
async def _(house: House) -> None:
    house.set('[limits]\nstore = "valkey://counters.internal:6379/0"')


@ill("counters-open")
async def _(house: House) -> None:
    house.set('[limits]\nstore = "valkey://127.0.0.1:6379/0"')


@ill("breaker-off")
async def _(house: House) -> None:
    house.set("[breaker]\nfailures = 0")


# --- the machine -------------------------------------------------------------------------


@ill("sqlite-on-network")
async def _(house: House) -> None:
    mounts = ((Path("/"), "ext4"), (house.data, "nfs4"))
    _on(house, Machine(mounts=mounts))


@ill("disk-full")
async def _(house: House) -> None:
    _on(house, Machine(free_bytes=((house.data, 5 << 20),)))

    async def make_room() -> None:
        _on(house, Machine(free_bytes=((house.data, 5 << 30),)))

    house.by_hand = make_room


@ill("audit-unwritable")
async def _(house: House) -> None:
    (house.data / "audit").touch(mode=0o600)


@ill("core-dumps")
async def _(house: House) -> None:
    _runs(house, Process(None, 1000, -1), Process(None, 1000, 0))


@ill("runs-as-root")
async def _(house: House) -> None:
    _runs(house, Process(4711, 0, 0), Process(4711, 1000, 0))


@ill("library-floors")
async def _(house: House) -> None:
    _on(house, Machine(libraries=(Library("cryptography", "49.0.1", "50"),)))

    async def install() -> None:
        _on(house, Machine(libraries=(Library("cryptography", "50.0.0", "50"),)))

    house.by_hand = install


@ill("clock")
async def _(house: House) -> None:
    key = await acme_key(house.store)
    await hold(house.store, key, "c1", 900, at_ms=house.now_ms + 120_000)

    async def set_clock() -> None:
        house.ahead_ms = 120_000

    house.by_hand = set_clock


# --- the store ---------------------------------------------------------------------------


@ill("schema-behind")
async def _(house: House) -> None:
    await house.store.close()
    house.set('[store]\nurl = "sqlite:empty.db"')
    house.store = SqliteDatabase(house.data / "empty.db")


@ill("schema-ahead")
async def _(house: House) -> None:
    house.alter = lambda seen: replace(seen, schema="ahead", store=None)

    async def upgrade() -> None:
        house.alter = lambda seen: seen

    house.by_hand = upgrade


@ill("database-pool")
async def _(house: House) -> None:
    house.set("[server]\nworkers = 3", "[store]\npool = 8")
    house.alter = lambda seen: replace(seen, store=replace(seen.books, most_connections=20))


@ill("balances-differ")
async def _(house: House) -> None:
    await acme_key(house.store)
    await house.store.write(("UPDATE accounts SET held = 7 WHERE owner = $1", ("tenant:acme",)))

    async def restore() -> None:
        await house.store.write(("UPDATE accounts SET held = 0 WHERE owner = $1", ("tenant:acme",)))

    house.by_hand = restore


@ill("open-holds")
async def _(house: House) -> None:
    await hold(house.store, await acme_key(house.store), "c1", 900)
    await settle(house.store, "c1", 0, Outcome.UNKNOWN)


@ill("arrears")
async def _(house: House) -> None:
    key = await acme_key(house.store)
    await hold(house.store, key, "c1", 900, at_ms=house.now_ms - 3 * 3_600_000)

    async def restart() -> None:
        await sweeping.sweep(house.store, house.store, sweeping.Policy(), house.now_ms)

    house.by_hand = restart


@ill("price-not-required")
async def _(house: House) -> None:
    house.set("[ledger]\nrequire_price = false")


@ill("models-unpriced")
async def _(house: House) -> None:
    """As `House` makes it."""


@ill("audit-lenient")
async def _(house: House) -> None:
    """As `House` makes it."""


@ill("audit-broken")
async def _(house: House) -> None:
    await anchor(house.store, Anchored("w0", 5, "ab" * 32, house.now_ms))

    async def restore() -> None:
        await house.store.write(("DELETE FROM audit_heads", ()))

    house.by_hand = restore


# --- keys --------------------------------------------------------------------------------


@ill("keys-uncapped")
async def _(house: House) -> None:
    await acme_key(house.store)
    await budgets.grant(house.store, "tenant:acme", Grant(is_granted=True))


@ill("tenants-uncapped")
async def _(house: House) -> None:
    await acme_key(house.store)
    await budgets.grant(house.store, "tenant:acme", Grant(is_granted=False))


@ill("keys-endless")
async def _(house: House) -> None:
    await _key(house, expires_in_s=None)


@ill("keys-beyond-policy")
async def _(house: House) -> None:
    await _key(house, expires_in_s=400 * DAY_S)
    house.set("[keys]\nlongest_life_days = 365")


@ill("keys-all-models")
async def _(house: House) -> None:
    await _key(house, models=("*", "small"))


@ill("keys-unused")
async def _(house: House) -> None:
    issued = await _key(house, expires_in_s=200 * DAY_S)
    await keys.touch(house.store, {issued.id: house.now_ms - 91 * DAY_MS})


# --- secrets -----------------------------------------------------------------------------


@ill("secrets-broken")
async def _(house: House) -> None:
    await _secret(house)
    await house.store.write(("UPDATE secrets SET sealed = $1", ("00",)))

    async def set_anew() -> None:
        wrap = secrets.wrapping(house.settings())
        await secrets.put(house.store, wrap, "openai", "sk-another-canary-0123", house.now_ms)

    house.by_hand = set_anew


@ill("secrets-old-key")
async def _(house: House) -> None:
    await _secret(house)
    keys = '{ 1 = "env:TOLLHOUSE_PEPPER", 2 = "env:TOLLHOUSE_DB_PASSWORD" }'
    house.set(f"[vault]\nkeys = {keys}\nkey_version = 2")


# --- how ---------------------------------------------------------------------------------


async def _secret(house: House) -> None:
    house.set('[vault]\nkeys = { 1 = "env:TOLLHOUSE_PEPPER" }')
    wrap = secrets.wrapping(house.settings())
    await secrets.put(house.store, wrap, "openai", "sk-canary-0123456789", house.now_ms)


async def _key(
    house: House, models: tuple[str, ...] = (), expires_in_s: int | None = USUAL_S
) -> Issued:
    await acme_key(house.store)
    wish = Wish("acme", "website", models=models, expires_in_s=expires_in_s)
    return await keys.issue(house.store, PEPPERS, wish, house.now_ms)


def _with_certificate(house: House, days: float) -> None:
    certificate(house.data / "tls.crt", days)
    (house.data / "tls.key").touch(mode=0o600)
    house.set('[server]\ntls_certificate = "tls.crt"\ntls_key = "tls.key"')

    async def renew() -> None:
        certificate(house.data / "tls.crt", days=90)

    house.by_hand = renew


def _on(house: House, machine: Machine) -> None:
    house.alter = lambda seen: replace(seen, machine=machine)


def _runs(house: House, before: Process, after: Process) -> None:
    _on(house, Machine(processes=(before,)))

    async def change() -> None:
        _on(house, Machine(processes=(after,)))

    house.by_hand = change


def _without_store(seen: Seen) -> Seen:
    return replace(seen, store=None)


# --- people ------------------------------------------------------------------------------

OKTA = """[issuers.okta]
issuer = "https://login.example.com"
audiences = ["llm"]
"""
RULE = """[[issuers.okta.rules]]
tenant = "acme"
user = "claim:sub"
"""
SOME = 'when = { groups = "ml" }\n'


@ill("issuer-plain")
async def _(house: House) -> None:
    plain = OKTA.replace("https://", "http://") + 'networks = ["10.0.0.0/8"]\n'
    house.write(house.file.read_text() + plain + RULE + SOME)


@ill("issuer-lets-all-in")
async def _(house: House) -> None:
    before = house.file.read_text()
    house.write(before + OKTA + RULE)

    async def bound() -> None:
        house.write(before + OKTA + RULE + SOME)

    house.by_hand = bound


@ill("tokens-long-lived")
async def _(house: House) -> None:
    house.write(house.file.read_text() + OKTA + "max_life_s = 604800\n" + RULE + SOME)


@ill("tokens-old-secret")
async def _(house: House) -> None:
    secrets = '[tokens.secrets]\n1 = "env:TOLLHOUSE_PEPPER"'
    before = house.file.read_text()
    house.set(secrets, '[tokens.secrets]\n2 = "env:TOLLHOUSE_DB_PASSWORD"')

    async def taken_out() -> None:
        house.write(before)
        house.set(secrets)

    house.by_hand = taken_out


@ill("authority-unasked")
async def _(house: House) -> None:
    _with_certificate(house, days=90)
    house.by_hand = None
    Authority(house.data, "corp")
    house.set('[authorities.corp]\nbundle_file = "corp.pem"')


@ill("revocations-many")
async def _(house: House) -> None:
    house.alter = lambda seen: replace(seen, store=replace(seen.books, revoked={"okta": 1001}))

    async def forgotten() -> None:
        house.alter = lambda seen: seen

    house.by_hand = forgotten
