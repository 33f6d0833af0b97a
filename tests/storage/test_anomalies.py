from __future__ import annotations

import pytest

from stores import NOW, Store, acme_key, hold, settle
from tollhouse.storage import anomalies
from tollhouse.storage.anomalies import Marked


@pytest.mark.req("B-16")
async def test_what_is_odd_is_listed_by_mark_and_target_the_most_frequent_first(
    store: Store,
) -> None:
    key = await acme_key(store)
    for number, mark in enumerate(("no_usage", None, "over_bound", "over_bound")):
        await hold(store, key, f"c{number}", 100, at_ms=NOW + number)
        await settle(store, f"c{number}", 10)
        await store.write(("UPDATE calls SET anomaly = $1 WHERE id = $2", (mark, f"c{number}")))

    assert await anomalies.marked(store) == [
        Marked("over_bound", "echo:echo", 2, 20, "c3"),
        Marked("no_usage", "echo:echo", 1, 10, "c0"),
    ]
    assert await anomalies.marked(store, "other") == []
    assert [each.calls for each in await anomalies.marked(store, "acme", NOW + 3)] == [1]
