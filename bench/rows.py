"""The rows of every table: which figures are shown, in which words and units."""

from __future__ import annotations

from dataclasses import dataclass

from bench.figures import ratio
from bench.results import Results


@dataclass(frozen=True, slots=True)
class Row:
    figure: str
    label: str
    unit: str
    digits: int = 2
    has_ratio: bool = True

    def cell(self, results: Results, system: str) -> str:
        """`0.21 (2.9x)`; a dash where the figure does not exist."""
        figures, base = results.figures[system], results.figures[results.base]
        if self.figure not in figures:
            return "-"
        shown = f"{figures[self.figure]:,.{self.digits}f}"
        times = ratio(figures, base, self.figure)
        if not self.has_ratio or times is None or system in (results.base, "direct"):
            return shown
        return f"{shown} ({times:.{1 if times >= 1 else 2}f}x)"


ROWS = (
    Row("request_cpu_us", "CPU per request, saturated", "µs", 1),
    Row("requests_s", "requests a second, one core", "1/s", 0),
    Row("busy_pct", "of that core in use meanwhile", "%", 0, has_ratio=False),
    Row("added_paced_p50_ms", "added at a fixed rate, p50", "ms"),
    Row("added_paced_p99_ms", "added at a fixed rate, p99", "ms"),
    Row("added_eight_p50_ms", "added at 8 connections flat out, p50", "ms"),
    Row("added_eight_p99_ms", "added at 8 connections flat out, p99", "ms"),
    Row("first_byte_p50_ms", "time to first byte of a stream, p50", "ms"),
    Row("first_byte_p99_ms", "time to first byte of a stream, p99", "ms"),
    Row("trickle_chunk_cpu_us", "CPU per chunk, 100 streams trickling", "µs", 1),
    Row("burst_chunk_cpu_us", "CPU per chunk, bursts of 64", "µs", 1),
    Row("idle_mb", "memory idle, resident", "MB", 0),
    Row("idle_pss_mb", "memory idle, proportional", "MB", 0),
    Row("open_mb", "memory with 1,000 open streams, resident", "MB", 0),
    Row("stream_kb", "memory per open stream", "KB", 0),
    Row("start_s", "start to first answer", "s"),
    Row("client_cpu_us", "CPU per call of the HTTP client alone", "µs", 1, has_ratio=False),
    Row("aiohttp_cpu_us", "the same with aiohttp's client", "µs", 1, has_ratio=False),
    Row("native_lane_us", "the dialect's own CPU per relayed request", "µs", 1, has_ratio=False),
    Row(
        "translated_lane_us",
        "the dialects' own CPU per translated request",
        "µs",
        1,
        has_ratio=False,
    ),
    Row(
        "translated_chunk_us",
        "the dialects' own CPU per translated chunk",
        "µs",
        1,
        has_ratio=False,
    ),
    Row("agent_parse_us", "one strict parse of 500 KiB of an agent", "µs", 0, has_ratio=False),
    Row("agent_relay_us", "the same read and passed on", "µs", 0, has_ratio=False),
    Row("key_us", "to know a caller by a key of ours, CPU", "µs", 1, has_ratio=False),
    Row("token_kept_us", "the same by a token that was seen before", "µs", 1, has_ratio=False),
    Row("certificate_kept_us", "the same by a certificate", "µs", 1, has_ratio=False),
    Row("token_new_us", "the same by a new token", "µs", 0, has_ratio=False),
    Row("sqlite_pairs_s", "holds settled on one account, SQLite", "1/s", 0, has_ratio=False),
    Row("sqlite_pair_p99_ms", "one of them at 1,500 a second, p99", "ms", 1, has_ratio=False),
    Row("postgres_pairs_s", "holds settled on one account, PostgreSQL", "1/s", 0, has_ratio=False),
    Row("postgres_pair_p99_ms", "one of those at 1,000 a second, p99", "ms", 1, has_ratio=False),
)
