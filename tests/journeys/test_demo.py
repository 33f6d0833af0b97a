"""The demonstration as a user runs it: a process, a terminal's worth of text, an exit status."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from journeys import gateway

PATIENCE_S = 60.0
PROGRAM = (sys.executable, "-m", "tollhouse")
WITHOUT_ENGINE = (
    sys.executable,
    "-c",
    "import sys; sys.modules['xllamacpp'] = None; from tollhouse.cli import main; main()",
)

WITH_IGNORED = (
    sys.executable,
    "-c",
    "import signal, sys; signal.signal(int(sys.argv.pop(1)), signal.SIG_IGN); "
    "from tollhouse.cli import main; main()",
)
WITH_DEFAULT = (*WITH_IGNORED[:2], WITH_IGNORED[2].replace("SIG_IGN", "SIG_DFL"))


def test_one_command_asks_and_shows_answer_cost_and_a_verified_chain(tmp_path: Path) -> None:
    ended = demo(tmp_path / "new", "--once")

    assert ended.returncode == 0, ended.stderr
    assert re.search(r"owed \$0\.0000\d+ for \d+ tokens in and \d+ out", ended.stdout)
    assert re.search(r"\$0\.9999\d+ left of \$1\.00", ended.stdout)
    assert "the log is whole" in ended.stdout
    assert "curl -s http://127.0.0.1:" in ended.stdout


def test_it_can_be_run_again_in_the_same_place(tmp_path: Path) -> None:
    first = demo(tmp_path, "--once", program=WITHOUT_ENGINE)
    second = demo(tmp_path, "--once", program=WITHOUT_ENGINE)

    assert (first.returncode, second.returncode) == (0, 0), second.stderr
    assert printed_key(first.stdout) != printed_key(second.stdout)


def test_without_the_local_model_it_says_why_and_goes_on_with_an_echo(tmp_path: Path) -> None:
    ended = demo(tmp_path, "--once", program=WITHOUT_ENGINE)

    assert ended.returncode == 0, ended.stderr
    assert "The engine of the local model (xllamacpp) is not installed." in ended.stdout
    assert "goes on with the built-in echo model" in ended.stdout
    assert ended.stdout.count("what is the capital of France?") == 2  # asked, and echoed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path, (*WITH_DEFAULT, str(int(number)))) as (process, _):
        children = descendants(process.pid)

        process.send_signal(number)

        assert process.wait(PATIENCE_S) == 0
        assert children
        until(lambda: not any(is_alive(child) for child in children))


def test_ctrl_c_ends_it_also_where_a_shell_runs_it_in_the_background(tmp_path: Path) -> None:
    with serving(tmp_path, (*WITH_IGNORED, str(int(signal.SIGINT)))) as (process, _):
        process.send_signal(signal.SIGINT)

        assert process.wait(PATIENCE_S) == 0


def test_nohup_stays_in_force(tmp_path: Path) -> None:
    with serving(tmp_path, (*WITH_IGNORED, str(int(signal.SIGHUP)))) as (process, _):
        status = Path(f"/proc/{process.pid}/status").read_text()

    ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
    assert ignored & 1 << (signal.SIGHUP - 1)


def test_the_printed_python_lines_get_an_answer(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, shown):
        lines = shown[shown.index("from openai") : shown.index("\n\nSee what")]

        asked = run((sys.executable, "-c", lines))

    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.strip()


def test_the_printed_command_lists_the_call(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, _):
        listed = run((*PROGRAM, "--config", str(tmp_path / "tollhouse.toml"), "usage", "list"))

    assert listed.returncode == 0, listed.stderr
    assert "completed" in listed.stdout


def test_a_gateway_that_dies_ends_the_demonstration(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, _):
        (gateway,) = children_of(process.pid)

        os.kill(gateway, signal.SIGKILL)

        assert process.wait(PATIENCE_S) == 1
        assert "The gateway ended with status -9." in said(process)


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        ended = run((*PROGRAM, "demo", "--once", "--directory", str(tmp_path), "--port", str(port)))

    assert ended.returncode == 1
    assert f"Port {port} is taken" in ended.stderr


def demo(
    directory: Path, *words: str, program: tuple[str, ...] = PROGRAM
) -> subprocess.CompletedProcess[str]:
    return run((*program, "demo", "--directory", str(directory), "--port", free_port(), *words))


def run(command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)


@contextmanager
def serving(
    directory: Path, program: tuple[str, ...] = PROGRAM
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A demonstration that has shown everything and serves on."""
    command = (*program, "demo", "--directory", str(directory), "--port", free_port())
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process, shown_until_serving(process)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(PATIENCE_S)


def shown_until_serving(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    shown = ""
    for line in process.stdout:
        shown += line
        if line.startswith("Serving until"):
            return shown
    raise AssertionError(shown + said(process))


def said(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.read()


def printed_key(shown: str) -> str:
    found = re.search(r"Bearer (thk_\w+)", shown)
    assert found is not None
    return found[1]


def descendants(pid: int) -> list[int]:
    children = children_of(pid)
    return children + [below for child in children for below in descendants(child)]


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]


def is_alive(pid: int) -> bool:
    """A process that has ended and was not yet collected is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def free_port() -> str:
    return str(gateway.free_port())
