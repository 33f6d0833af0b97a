"""What Tollhouse has to reach. `--check` fails when one is missed."""

from __future__ import annotations

from dataclasses import dataclass

from bench.figures import ratio
from bench.results import Results


@dataclass(frozen=True, slots=True)
class Target:
    """A figure of Tollhouse, as it is or as a multiple of another system's, and its upper bound."""

    label: str
    figure: str
    limit: float
    unit: str
    beside: str = ""  # a system's name; `base` is the bare proxy

    def reached(self, results: Results) -> float | None:
        """None when the run did not measure what is needed."""
        mine = results.figures.get("tollhouse", {})
        if not self.beside:
            return mine.get(self.figure)
        other = results.base if self.beside == "base" else self.beside
        return ratio(mine, results.figures.get(other, {}), self.figure)


@dataclass(frozen=True, slots=True)
class Judged:
    target: Target
    value: float | None

    @property
    def is_missed(self) -> bool:
        return self.value is not None and self.value > self.target.limit

    @property
    def verdict(self) -> str:
        return "not measured" if self.value is None else "missed" if self.is_missed else "reached"


TARGETS = (
    Target("CPU per request", "request_cpu_us", 12, "x proxy", "base"),
    Target("CPU per request", "request_cpu_us", 1 / 40, "x LiteLLM", "litellm"),
    Target("CPU per trickled chunk", "trickle_chunk_cpu_us", 2.5, "x proxy", "base"),
    Target("client CPU per call", "client_x_aiohttp", 1.0, "x aiohttp"),
    Target("CPU per translated request", "translated_x_relayed", 1.5, "x relayed"),
    Target("CPU per translated chunk, in the dialects", "translated_chunk_us", 20, "µs"),
    Target("500 KiB of an agent, relayed", "agent_x_parse", 2.0, "x one strict parse"),
    Target("a caller by a token that was seen before", "token_x_key", 1.3, "x a key of ours"),
    Target("a caller by a certificate", "certificate_x_key", 1.3, "x a key of ours"),
    Target("a caller by a new token, CPU", "token_new_us", 500, "µs"),
    Target("added p50 at a fixed rate", "added_paced_p50_ms", 1.0, "ms"),
    Target("added p99 at a fixed rate", "added_paced_p99_ms", 6.0, "ms"),
    Target("start to first answer", "start_s", 0.8, "s"),
    Target("memory idle", "idle_mb", 100, "MB"),
    Target("memory per open stream", "stream_kb", 40, "KB"),
    Target("a hold settled on SQLite, 3,000 a second", "sqlite_pair_us", 1e6 / 3_000, "µs"),
    Target("the same at half load, p99", "sqlite_pair_p99_ms", 15, "ms"),
    Target("a hold settled on PostgreSQL, 2,000 a second", "postgres_pair_us", 1e6 / 2_000, "µs"),
    Target("the same at half load, p99", "postgres_pair_p99_ms", 15, "ms"),
)


def judged(results: Results) -> list[Judged]:
    return [Judged(target, target.reached(results)) for target in TARGETS]
