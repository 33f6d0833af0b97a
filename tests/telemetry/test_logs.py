"""Log lines of a real process, in every way that one can come about."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from typing import Any

import pytest

CANARY = "CANARY9f3kQ7"


@pytest.mark.req("OL-11")
def test_an_event_is_one_line_of_json() -> None:
    lines = _logged("""
        tell(INFO, "listening", request_id="r-1", port=8000, text="two\\nlines\\u2028three")
    """)

    assert [line.pop("timestamp")[-1] for line in lines] == ["Z"]
    assert lines == [
        {
            "event": "listening",
            "level": "info",
            "port": 8000,
            "request_id": "r-1",
            "text": "two\nlines\u2028three",
        }
    ]


@pytest.mark.parametrize("name", ["library", "library.part", "asyncio", "other"])
def test_what_libraries_log_takes_the_same_way(name: str) -> None:
    lines = _logged(f"""
        logging.getLogger({name!r}).warning("%s went to /?api_key=%s", "GET", "{CANARY}")
    """)

    assert len(lines) == 1
    assert lines[0]["logger"] == name
    assert lines[0]["event"] == "GET went to /?api_key=[redacted]"


def test_a_library_that_brought_handlers_of_its_own_loses_them() -> None:
    lines = _logged(
        """
        configure("info")
        logging.getLogger("library").info("once")
        """,
        before="""
        import logging
        logging.getLogger("library").addHandler(logging.StreamHandler())
        logging.getLogger("library").propagate = False
        """,
    )

    assert [line["event"] for line in lines] == ["once"]


def test_libraries_do_not_log_below_info() -> None:
    lines = _logged("""
        logging.getLogger("library").debug("a whole body")
        tell(DEBUG, "ours")
    """)

    assert [line["event"] for line in lines] == ["ours"]


def test_what_is_below_the_level_is_not_logged() -> None:
    lines = _logged(
        """
        tell(INFO, "quiet")
        logging.getLogger("library").info("quiet")
        tell(WARNING, "loud")
        """,
        level="warning",
    )

    assert [line["event"] for line in lines] == ["loud"]


def test_an_unknown_level_is_a_mistake() -> None:
    done = _run("", level="chatty")

    assert "ValueError: 'chatty' is no log level" in done.stderr


@pytest.mark.req("P-16", "OP-45", "OP-46")
@pytest.mark.parametrize(
    "script",
    [
        'tell(ERROR, "x", api_key=CANARY, deep=[{"Cookie": CANARY}])',
        'tell(ERROR, f"Bearer {CANARY}")',
        'tell(ERROR, "x", environ=os.environ, e=os.environ)',
        'tell(ERROR, "x", headers=[(b"x-api-key", CANARY.encode())])',
        'logging.getLogger("a").error("password=%s", CANARY)',
        'logging.getLogger("a").error("%d", CANARY)',
        'logging.getLogger("a").error("x", extra={"secret": CANARY})',
        "caught()",
        'caught(logging.getLogger("a").exception)',
        "fail()",
        "thread = threading.Thread(target=fail); thread.start(); thread.join()",
        "asyncio.run(forgotten())",
        "Undead(); gc.collect()",
    ],
)
def test_no_planted_canary_is_found_in_anything_a_process_prints(script: str) -> None:
    done = _run(PLANTED + script, environment={"SECRET_CANARY": CANARY})

    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert lines, "the fault was not logged at all"
    assert CANARY not in done.stderr + done.stdout


def test_a_crash_is_logged_with_its_traceback() -> None:
    lines = _logged("""
        raise RuntimeError("it broke")
    """)

    assert lines[0]["event"] == "crashed"
    assert lines[0]["level"] == "critical"
    assert lines[0]["exception"].endswith("RuntimeError: it broke")


def test_a_record_whose_arguments_do_not_fit_is_named_without_them() -> None:
    lines = _logged("""
        logging.getLogger("library").error("%d", "no number")
    """)

    assert [(line["event"], line["logger"]) for line in lines] == [
        ("log_record_unreadable", "library")
    ]


def test_a_closed_stderr_does_not_break_the_work() -> None:
    done = _run("""
        sys.stderr.close()
        tell(ERROR, "lost")
        logging.getLogger("library").error("lost")
        print("done")
        sys.stderr = sys.__stderr__ = None
    """)

    assert done.stdout == "done\n"
    assert done.returncode == 0


PLANTED = """
import asyncio, gc, os, threading
CANARY = os.environ["SECRET_CANARY"]

def fail():
    api_key = CANARY
    raise ValueError(f"cannot use sk-{api_key}")

def caught(say=None):
    try:
        fail()
    except ValueError as error:
        say("caught") if say else tell(ERROR, "caught", error=error)

async def forgotten():
    task = asyncio.ensure_future(asyncio.to_thread(fail))
    await asyncio.wait([task])
    del task
    gc.collect()

class Undead:
    def __del__(self):
        fail()

"""


def _logged(script: str, *, level: str = "debug", before: str = "") -> list[dict[str, Any]]:
    done = _run(script, level=level, before=before)
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


def _run(
    script: str,
    *,
    level: str = "debug",
    before: str = "",
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    whole = "\n".join(
        [
            _flush_left(before),
            "import logging, sys",
            "from logging import DEBUG, ERROR, INFO, WARNING",
            "from tollhouse.telemetry.logs import configure, tell",
            f"configure({level!r})",
            _flush_left(script),
        ]
    )
    return subprocess.run(
        [sys.executable, "-c", whole],
        env={"PYTHONPATH": os.pathsep.join(sys.path), **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def _flush_left(script: str) -> str:
    return inspect.cleandoc(script)
