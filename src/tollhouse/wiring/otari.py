"""otari's paths beside the calls: the door's guards, and credentials of their own."""

from __future__ import annotations

from collections.abc import Iterable

from tollhouse.admin.asking import Office
from tollhouse.admin.one_record import OneRecord
from tollhouse.admin.otari.routes import otari_routes
from tollhouse.config import Settings
from tollhouse.control.acting import Desk
from tollhouse.control.keeping import SnapshotKeeper
from tollhouse.control.peppers import Peppers
from tollhouse.pipeline.house import House
from tollhouse.pipeline.route import Route
from tollhouse.ports import Register
from tollhouse.wiring.admin import of_operators
from tollhouse.wiring.dialects import dialects
from tollhouse.wiring.store import Store


def served_otari(
    settings: Settings,
    house: House,
    peppers: Peppers,
    store: Store,
    register: Register,
    keeper: SnapshotKeeper,
) -> Iterable[Route]:
    records = OneRecord(house.audit, register)
    desk = Desk(store=store, register=records, new_id=house.new_id, now_ms=house.now_ms)
    office = Office(
        settings=settings, peppers=peppers, desk=desk, register=register, refresh=keeper.refresh
    )
    own = of_operators(settings, house, peppers, records)
    return otari_routes(dialects()["chat"], office, own)
