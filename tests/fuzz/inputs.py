"""Inputs by Hypothesis: what is kept, cut and joined and sprinkled with words; or anything."""

from __future__ import annotations

from hypothesis import strategies as st

from fuzz.targets import TARGETS, corpus


def inputs(name: str) -> st.SearchStrategy[bytes]:
    target = TARGETS[name]
    kept = st.sampled_from(corpus(name))
    part = st.one_of(kept, st.sampled_from(tuple(target.words)), st.binary(max_size=8))
    joined = st.lists(part, max_size=6).map(b"".join)
    changed = st.builds(_put, kept, st.integers(0, 2**16), st.integers(0, 20), part)
    return st.one_of(changed, joined, st.binary(max_size=200)).map(
        lambda data: data[: target.most_bytes]
    )


def _put(data: bytes, at: int, over: int, part: bytes) -> bytes:
    at %= len(data) + 1
    return data[:at] + part + data[at + over :]
