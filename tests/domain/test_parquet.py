from __future__ import annotations

import hashlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from parquet_reader import read
from tollhouse.domain.parquet import GROUP_ROWS, parquet
from tollhouse.domain.sheets import Column, Kind

COLUMNS = (
    Column("who"),
    Column("calls", Kind.COUNT),
    Column("owed", Kind.MONEY),
    Column("at", Kind.MOMENT),
)
SEEN_BY_PYARROW = "34f0b9b033074835f77fbd3162776c95379c46a23c071da9512fbbe7f63091f8"
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.none() | st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(st.tuples(TEXTS, NUMBERS, NUMBERS, NUMBERS), max_size=40)


@given(ROWS)
def test_a_file_is_read_as_it_was_written(rows: list[tuple[Any, ...]]) -> None:
    file = b"".join(parquet(COLUMNS, rows))

    columns, found = read(file)

    assert columns == [("who", 0), ("calls", None), ("owed", 5), ("at", 9)]
    assert found == rows


def test_many_rows_come_in_groups_and_many_columns_in_one_list() -> None:
    columns = [Column(f"c{number}", Kind.COUNT) for number in range(20)]
    rows = [tuple(range(number, number + 20)) for number in range(GROUP_ROWS + 1)]

    _, found = read(b"".join(parquet(columns, rows)))

    assert found == rows


def test_the_bytes_are_those_that_pyarrow_has_read() -> None:
    """Whoever changes the writer reads this table with another reader, and says so here."""
    rows = [("a", 1, 1_500_000, 1_800_000_000_000), (None, None, None, None), ("ü", -5, -1, 0)]

    file = b"".join(parquet(COLUMNS, rows))

    assert hashlib.sha256(file).hexdigest() == SEEN_BY_PYARROW


def test_half_a_character_is_written_as_a_question_mark() -> None:
    _, found = read(b"".join(parquet([Column("who")], [("\ud800",)])))

    assert found == [("?",)]
