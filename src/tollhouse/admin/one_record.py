"""A request leaves one record: that of the act it came to, or else its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollhouse.ports import AuditSink, Register


class OneRecord:
    """Implements AuditSink and Register over the gateway's own. An act bears the id of its call."""

    def __init__(self, sink: AuditSink, register: Register) -> None:
        self._sink = sink
        self._register = register
        self._entered: set[str] = set()

    @property
    def is_healthy(self) -> bool:
        return self._sink.is_healthy

    async def enter(self, record: Mapping[str, Any]) -> None:
        self._entered.add(record["act"])
        await self._register.enter(record)

    def write(self, record: Mapping[str, Any]) -> None:
        if record["call"] in self._entered:
            self._entered.discard(record["call"])
        else:
            self._sink.write(record)
