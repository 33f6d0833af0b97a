"""The doctor finds what is ill, and its lines mend it."""

from __future__ import annotations

import resource
import socket
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from ailing import House
from ills import ILLS, PEPPER

from certificates import Authority, bundle
from stores import DAY_MS, PEPPERS, acme_key
from tollhouse.config import parse
from tollhouse.control import budgets, keys, sweeping
from tollhouse.control.budgets import Grant
from tollhouse.control.doctor import CHECKS, MOST_OF_ONE, Severity, examine
from tollhouse.control.doctor.checklists import ITEMS
from tollhouse.control.doctor.machine import Library, Machine
from tollhouse.control.keys import Wish
from tollhouse.storage.postgres import PostgresDatabase
from tollhouse.storage.sqlite import SqliteDatabase


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path, SqliteDatabase(tmp_path / "data" / "tollhouse.db"))
    await made.store.migrate()
    yield made
    await made.store.close()


@pytest.mark.req("OP-60", "OL-23", "OC-73", "B-34")
@pytest.mark.parametrize("check", ILLS)
async def test_a_check_fires_and_the_line_that_it_prints_mends_it(house: House, check: str) -> None:
    await ILLS[check](house)

    (mend, *_) = await house.found(check)
    await house.mend(mend)

    assert await house.found(check) == []


def test_every_check_has_its_ill() -> None:
    assert sorted(ILLS) == sorted(check.id for check in CHECKS)


@pytest.mark.req("OP-60", "OL-23", "OC-73")
def test_every_check_answers_lines_of_the_checklists_and_every_line_has_somebody_who_looks() -> (
    None
):
    answered = {answer for check in CHECKS for answer in check.answers}

    assert answered <= ITEMS.keys()
    assert all(item.id in answered or item.yours for item in ITEMS.values())


async def test_a_house_in_which_all_is_done_has_no_finding(house: House) -> None:
    house.set(PEPPER, "[audit]\nstrict = true", f'[audit]\nkey = "{house.directory}/k/audit.key"')
    house.shell("tollhouse prices set echo:echo --free")
    await acme_key(house.store)
    house.alter = lambda seen: replace(seen, machine=Machine())

    report = await house.examined()

    assert report.findings == ()
    assert (report.status, report.unseen, report.looked) == ("fine", (), len(CHECKS))


async def test_a_new_house_is_not_unsafe(house: House) -> None:
    house.alter = lambda seen: replace(seen, machine=Machine())

    report = await house.examined()

    assert report.having(Severity.UNSAFE) == []


async def test_what_cannot_be_seen_is_said_and_is_not_fine(tmp_path: Path) -> None:
    away = PostgresDatabase("postgresql://gate@127.0.0.1:1/gate", None, 1)
    url = 'data_dir = "{}"\n[store]\nurl = "postgresql://gate@127.0.0.1:1/gate"\n{}'
    settings = parse(url.format(tmp_path, PEPPER), {"TOLLHOUSE_PEPPER": "p3" * 20})

    report = await examine(settings, away, 0)
    await away.close()

    assert report.hindered is not None
    assert report.hindered.startswith("the store cannot be reached")
    assert report.unseen == tuple(check for check in CHECKS if check.on_store)
    assert report.status in ("unseen", "unsafe")


async def test_of_many_alike_the_first_are_listed_and_the_rest_counted(house: House) -> None:
    await acme_key(house.store)
    for number in range(MOST_OF_ONE + 3):
        wish = Wish("acme", f"k{number}", expires_in_s=None)
        await keys.issue(house.store, PEPPERS, wish, house.now_ms)

    report = await house.examined()

    assert len(await house.found("keys-endless")) == MOST_OF_ONE
    assert report.unlisted == 3


@pytest.mark.parametrize(
    ("file", "line"),
    [
        (".env", ""),
        ("tls.key", '[server]\ntls_certificate = "tls.crt"\ntls_key = "tls.key"'),
        ("pepper-1", '[auth.peppers]\n1 = "file:pepper-1"'),
        ("audit.key", ""),
    ],
)
@pytest.mark.req("S-55", "OP-60")
async def test_a_secret_of_any_kind_that_others_can_read_is_unsafe(
    house: House, file: str, line: str
) -> None:
    path = (house.file.parent if file == ".env" else house.data) / file
    path.write_text("canary-of-more-than-thirty-two-bytes-0123")
    (house.data / "tls.crt").touch()
    house.set(line)
    path.chmod(0o640)

    (mend,) = await house.found("secret-files")
    await house.mend(mend)

    assert path.stat().st_mode & 0o777 == 0o600
    assert await house.found("secret-files") == []


async def test_replicas_that_count_alone_are_noticed_by_their_leases(house: House) -> None:
    for name in ("one", "two"):
        await sweeping.register(house.store, name, "elsewhere", 1, 60, house.now_ms)

    (mend,) = await house.found("limits-apart")
    await house.mend(mend)

    assert await house.found("limits-apart") == []


@pytest.mark.req("S-57")
async def test_a_running_gateway_that_may_dump_its_memory_is_found_and_mended(
    house: House,
) -> None:
    def may_dump() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (4096, 4096))

    with subprocess.Popen(["/bin/sleep", "60"], preexec_fn=may_dump) as gateway:
        here = socket.gethostname()
        await sweeping.register(house.store, "w0", here, gateway.pid, 60, house.now_ms)

        (mend,) = await house.found("core-dumps")
        await house.mend(mend)
        found = await house.found("core-dumps")
        gateway.kill()

    assert mend.command == f"prlimit --pid {gateway.pid} --core=0:0"
    assert found == []


async def test_a_key_whose_owner_has_a_cap_is_capped(house: House) -> None:
    key = await acme_key(house.store)
    await budgets.grant(house.store, f"key:{key.id}", Grant(is_granted=True))

    assert await house.found("keys-uncapped") == []


async def test_a_key_that_was_never_used_counts_from_the_day_it_was_made(house: House) -> None:
    await acme_key(house.store)
    house.ahead_ms = 2000 * DAY_MS

    assert await house.found("keys-unused") == []  # expired, so it lets nobody in


def test_versions_are_compared_as_numbers() -> None:
    assert not Library("a", "3.10.0", "3.9").is_below_floor
    assert not Library("a", "3.0", "3.0.0").is_below_floor
    assert Library("a", "9.9", "10").is_below_floor


def test_a_file_is_on_the_disk_that_is_mounted_nearest() -> None:
    machine = Machine(mounts=((Path("/"), "ext4"), (Path("/srv"), "nfs"), (Path("/srv/a"), "xfs")))

    assert machine.kind_of_disk(Path("/srv/b/file")) == "nfs"
    assert machine.kind_of_disk(Path("/srv/a/file")) == "xfs"
    assert machine.kind_of_disk(Path("/srvb")) == "ext4"


async def test_on_postgresql_its_connections_and_its_clock_are_looked_at(
    postgres_store: PostgresDatabase, tmp_path: Path
) -> None:
    url = "postgresql://gate@127.0.0.1/gate"
    text = f'data_dir = "{tmp_path}"\n[store]\nurl = "{url}"\npool = 400\n{PEPPER}'
    settings = parse(text, {"TOLLHOUSE_PEPPER": "p3" * 20})

    report = await examine(settings, postgres_store, 1_000_000_000_000)

    found = {finding.check.id: finding.found for finding in report.findings}
    assert "connections of" in found["database-pool"]
    assert "the database's" in found["clock"]


@pytest.fixture
async def postgres_store(postgres_database: str) -> AsyncIterator[PostgresDatabase]:
    store = PostgresDatabase(postgres_database, None, 2)
    await store.migrate()
    yield store
    await store.close()


@pytest.mark.req("S-42")
@pytest.mark.parametrize(
    "bundle",
    [b"", b"no bundle", b"{", b'{"keys": []}', b'{"keys": [{"use": "x509-svid", "x5c": []}]}'],
)
async def test_a_trust_bundle_that_cannot_be_read_is_told(house: House, bundle: bytes) -> None:
    (house.data / "bundle.json").write_bytes(bundle)
    house.set('[authorities.prod]\nbundle_file = "bundle.json"\ntrust_domain = "x.test"')

    assert len(await house.found("trust-bundle-bad")) == 1


async def test_a_trust_bundle_of_spiffe_is_read(house: House, tmp_path: Path) -> None:
    (house.data / "bundle.json").write_bytes(bundle(Authority(tmp_path)))
    house.set('[authorities.prod]\nbundle_file = "bundle.json"\ntrust_domain = "x.test"')

    assert await house.found("trust-bundle-bad") == []


async def test_a_bundle_of_which_only_keys_are_needed_needs_no_roots(house: House) -> None:
    (house.data / "bundle.json").write_bytes(b'{"keys": []}')
    house.set(
        '[authorities.prod]\nbundle_file = "bundle.json"\ntrust_domain = "x.test"\naudiences = ["a"]',
        '[[authorities.prod.rules]]\ntenant = "acme"\nuser = "web"',
    )

    assert await house.found("trust-bundle-bad") == []
