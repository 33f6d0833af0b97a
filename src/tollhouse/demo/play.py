"""The demonstration from its first line to its last."""

from __future__ import annotations

import shlex
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from tollhouse import __version__
from tollhouse.config import load
from tollhouse.demo import gateway, showing
from tollhouse.demo.asking import Door
from tollhouse.demo.books import TENANT, Books
from tollhouse.demo.failing import DemoFailed, gateway_failed
from tollhouse.demo.gateway import HOST, Process
from tollhouse.demo.place import Place, emptied
from tollhouse.demo.screen import Screen
from tollhouse.demo.speaker import Speaker, speaker

QUESTION = "In one sentence: what is the capital of France?"
KEY_DEADLINE_S = 5.0
LOOK_S = 0.1


def play(directory: Path, port: int | None, *, once: bool) -> None:
    """Ask once and show what came of it; then serve until interrupted. Raises DemoFailed."""
    screen = Screen()
    with emptied(directory) as place, ExitStack() as stack:
        screen.line(f"Tollhouse {__version__}, demonstrated in {place.directory}\n", "bold")
        who = _chosen(screen)
        door = _found(screen, port)
        gateway.write_settings(place, door.port, who)
        with screen.step("gateway", "starting the gateway") as step:
            process = stack.enter_context(gateway.serving(place, door))
            step.says = (
                f"answers on {door.origin}, with SQLite in an empty directory and {who.says}"
            )
        books = Books(load(place.settings, {}))
        key = _furnished(screen, books, door, who)
        _ask(screen, door, key, who, place)
        _show_books(screen, books)
        _show_what_next(screen, place, door, key, who)
        if not once:
            _stay(screen, process, place)
    screen.line("The gateway has ended.", "dim")


def _chosen(screen: Screen) -> Speaker:
    who, reason = speaker()
    if reason:
        screen.note(f"{reason}\n    The demonstration goes on with {who.says}.")
    return who


def _found(screen: Screen, port: int | None) -> Door:
    door = Door(HOST, gateway.free_port(port))
    if port is None and door.port != gateway.USUAL_PORT:
        screen.note(f"Port {gateway.USUAL_PORT} is taken: it will be {door.port}.")
    return door


def _furnished(screen: Screen, books: Books, door: Door, who: Speaker) -> str:
    with screen.step("tenant", "making a tenant") as step:
        books.new_tenant()
        step.says = f"{TENANT} may spend $1.00"
    with screen.step("key", "issuing a key") as step:
        issued = books.new_key(who.model)
        _await_known(door, issued.key)
        step.says = f"thk_{issued.id}… may call {who.model} for a day, and is known to the gateway"
    return issued.key


def _await_known(door: Door, key: str) -> None:
    give_up_at = time.monotonic() + KEY_DEADLINE_S
    while not door.knows(key):
        if time.monotonic() > give_up_at:
            raise DemoFailed(f"The gateway did not know a new key after {KEY_DEADLINE_S:.0f} s.")
        time.sleep(LOOK_S)


def _ask(screen: Screen, door: Door, key: str, who: Speaker, place: Place) -> None:
    screen.line(f"\n  {QUESTION}", "bold")
    began = time.monotonic()
    try:
        answer = screen.said(door.ask(key, who.model, QUESTION))
    except DemoFailed as failed:
        raise gateway_failed(str(failed), place.log) from failed
    if not answer.strip():
        raise DemoFailed("The answer was empty.")
    screen.line()
    screen.done("answer", f"{who.model}, streamed through the gateway", time.monotonic() - began)


def _show_books(screen: Screen, books: Books) -> None:
    with screen.step("ledger", "looking into the ledger") as step:
        receipt = books.receipt()
        if not receipt.call.owed:
            raise DemoFailed("The call is settled, and nothing is owed for it.")
        step.says = showing.paid(receipt)
    with screen.step("audit", "verifying the audit chain") as step:
        step.says = showing.verified(books.verdict(receipt.call.id))


def _show_what_next(screen: Screen, place: Place, door: Door, key: str, who: Speaker) -> None:
    program = Path(sys.executable).with_name("tollhouse")
    shown = program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program
    usage = shlex.join([str(shown), "--config", str(place.settings), "usage", "list"])
    for title, lines in (
        ("Ask from a shell", showing.curl(door.origin, key, who.model)),
        ("Ask from Python (pip install openai)", showing.openai_sdk(door.origin, key, who.model)),
        ("See what it cost", usage),
    ):
        screen.line(f"\n{title}:\n", "bold")
        screen.line(lines)
    screen.line()


def _stay(screen: Screen, process: Process, place: Place) -> None:
    try:
        screen.line("Serving until Ctrl-C.", "bold")
        process.wait()
    except KeyboardInterrupt:
        return
    raise gateway_failed(f"The gateway ended with status {process.returncode}.", place.log)
