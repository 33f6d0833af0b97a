from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from bench.machine import Machine
from bench.page import BEGIN, END, PAGE, inserted, publish, shown
from bench.report import bars, show
from bench.results import PUBLISHED, Results, read
from bench.targets import judged
from rich.console import Console

NGINX = {"request_cpu_us": 10.0, "trickle_chunk_cpu_us": 20.0, "start_s": 0.01}
GATE = {"request_cpu_us": 50.0, "trickle_chunk_cpu_us": 60.0, "start_s": 0.5}


def test_a_target_beside_the_proxy_is_judged_by_the_ratio() -> None:
    verdicts = verdicts_of(run(nginx=NGINX, tollhouse=GATE))

    assert verdicts["request_cpu_us", "base"] == "reached"
    assert verdicts["trickle_chunk_cpu_us", "base"] == "missed"


def test_a_target_of_its_own_is_judged_by_the_figure() -> None:
    verdicts = verdicts_of(run(nginx=NGINX, tollhouse={**GATE, "start_s": 0.9}))

    assert verdicts["start_s", ""] == "missed"


def test_a_target_whose_figures_were_not_measured_is_not_missed() -> None:
    verdicts = verdicts_of(run(nginx=NGINX))

    assert set(verdicts.values()) == {"not measured"}


def test_a_target_beside_litellm_wants_a_fortieth() -> None:
    slow = run(nginx=NGINX, tollhouse=GATE, litellm={"request_cpu_us": 1_999.0})
    quick = run(nginx=NGINX, tollhouse=GATE, litellm={"request_cpu_us": 2_000.0})

    assert verdicts_of(slow)["request_cpu_us", "litellm"] == "missed"
    assert verdicts_of(quick)["request_cpu_us", "litellm"] == "reached"


def test_the_table_shows_each_figure_with_its_ratio_to_the_proxy() -> None:
    table = shown(run(nginx=NGINX, tollhouse=GATE))

    assert "| CPU per request, saturated | µs | 10.0 | 50.0 (5.0x) |" in table


def test_new_figures_replace_the_old_and_nothing_else() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"

    once = inserted(text, "new")

    assert once == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert inserted(once, "new") == once


@pytest.mark.parametrize("text", ["", BEGIN, END])
def test_a_page_without_its_markers_is_left_alone(text: str) -> None:
    with pytest.raises(ValueError, match="markers"):
        inserted(text, "new")


def test_the_page_of_the_documentation_takes_figures(tmp_path: Path) -> None:
    copy = tmp_path / "performance.md"
    copy.write_text(PAGE.read_text())

    publish(run(nginx=NGINX, tollhouse=GATE), copy)

    assert "50.0 (5.0x)" in copy.read_text()


def test_the_page_shows_the_published_results() -> None:
    figures = shown(read(PUBLISHED))

    assert figures in PAGE.read_text()


def test_results_can_be_read_as_they_were_written(tmp_path: Path) -> None:
    written = run(nginx=NGINX, tollhouse=GATE)

    written.write(tmp_path / "results.json")

    assert read(tmp_path / "results.json") == written


def test_the_longest_bar_belongs_to_the_greatest_figure() -> None:
    small, great = bars({"nginx": 10.0, "tollhouse": 40.0})

    assert (small.count("█"), great.count("█")) == (10, 40)


def test_the_terminal_shows_table_bars_and_targets() -> None:
    screen = StringIO()

    show(run(nginx=NGINX, tollhouse=GATE), Console(file=screen, width=120))

    told = screen.getvalue()
    assert "50.0 (5.0x)" in told
    assert "missed  CPU per trickled chunk: 3 ≤ 2.5 x proxy" in told


def verdicts_of(run: Results) -> dict[tuple[str, str], str]:
    return {
        (one.target.figure, one.target.beside): one.verdict
        for one in judged(run)
        if one.target.figure in ("request_cpu_us", "trickle_chunk_cpu_us", "start_s")
    }


def run(**figures: dict[str, float]) -> Results:
    return Results(
        made="2026-11-30",
        machine=Machine("a CPU", 2, "3.11.7", "Linux x86_64", 0.1),
        cores_are_apart=True,
        base="nginx",
        versions={"nginx": "1.22.1"},
        rounds=1,
        seconds=2.0,
        figures=figures,
        every_round={name: [one] for name, one in figures.items()},
    )
