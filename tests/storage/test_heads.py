from __future__ import annotations

from stores import NOW, Store
from tollhouse.storage import heads
from tollhouse.storage.heads import Anchored


async def test_a_head_only_moves_forward(store: Store) -> None:
    await heads.anchor(store, Anchored("w0", 5, "aa", NOW))
    await heads.anchor(store, Anchored("w0", 9, "bb", NOW))
    await heads.anchor(store, Anchored("w0", 7, "cc", NOW))
    await heads.anchor(store, Anchored("w1", 1, "dd", NOW))

    found = await heads.heads(store)

    assert found == [Anchored("w0", 9, "bb", NOW), Anchored("w1", 1, "dd", NOW)]
