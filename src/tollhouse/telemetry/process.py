"""What this process takes of the machine: memory and CPU time, and nothing else about it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

STATM = Path("/proc/self/statm")


class ProcessCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "process_cpu_seconds", "CPU time of this process.", value=time.process_time()
        )
        if STATM.exists():
            yield GaugeMetricFamily(
                "process_resident_memory_bytes", "Memory this process occupies.", value=_resident()
            )


def _resident() -> int:
    pages = int(STATM.read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
