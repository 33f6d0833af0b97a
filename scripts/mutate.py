"""Takes the guards of a module out, one at a time, and names those that no test misses.

    python -m scripts.mutate server/hosts.py tests/server/test_hosts.py

Conditions are decided beforehand, bounds moved by one, parts of `and` and `or` dropped, statements left out.
Tests are collected once, and each attempt is a fork in which the functions of the module have other code: what
was made of them before, at import, keeps its own.
"""

from __future__ import annotations

import ast
import gc
import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import pytest
from _pytest.main import pytest_runtestloop

SOURCE = Path("src/tollhouse")
NICER = 10
BEYOND_S = 5.0
FUNCTION = 0x1
SURVIVED, KILLED, NOT_TRIED = range(3)
MOVED = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}
LEFT_OUT = (ast.Expr, ast.Raise, ast.AugAssign, ast.Delete, ast.Break, ast.Continue)


class Text:
    """The module as it is written. Offsets are those of its bytes, as the parser counts them."""

    def __init__(self, path: Path) -> None:
        self.raw = path.read_bytes()
        self._lines = [0]
        for line in self.raw.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def of(self, node: ast.expr | ast.stmt) -> str:
        return self.raw[slice(*self._span(node))].decode()

    def with_(self, node: ast.expr | ast.stmt, instead: str) -> bytes:
        start, end = self._span(node)
        return self.raw[:start] + instead.encode() + self.raw[end:]

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        start, end = self._lines[node.lineno - 1], self._lines[(node.end_lineno or 0) - 1]
        return start + node.col_offset, end + (node.end_col_offset or 0)


Mutant = tuple[ast.expr | ast.stmt, str]
"""What is written, and what is put instead."""


def mutants(text: Text) -> Iterator[Mutant]:
    for node in ast.walk(ast.parse(text.raw)):
        match node:
            case ast.If(test=test) | ast.IfExp(test=test):
                yield from ((test, "True"), (test, "False"))
            case ast.While(test=test) if not isinstance(test, ast.Constant):
                yield test, "False"
            case ast.comprehension(ifs=tests):
                yield from ((test, "True") for test in tests)
            case ast.Return(value=ast.Compare() | ast.BoolOp() as value):
                yield from ((value, "True"), (value, "False"))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in MOVED:
                yield node, f"{text.of(left)} {MOVED[type(op)]} {text.of(right)}"
            case ast.BoolOp(op=op, values=values):
                word = " and " if isinstance(op, ast.And) else " or "
                for index in range(len(values)):
                    rest = values[:index] + values[index + 1 :]
                    yield node, f"({word.join(f'({text.of(value)})' for value in rest)})"
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
                yield node, "pass"
            case ast.stmt() if isinstance(node, LEFT_OUT):
                yield node, "pass"


def functions(code: CodeType) -> Iterator[CodeType]:
    """Those of the module and of its classes."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if each.co_flags & FUNCTION:
                yield each
            else:
                yield from functions(each)


def is_put(module: ModuleType, text: Text, mutated: bytes) -> bool:
    """False if this cannot be done in a function that stands already."""
    path = str(module.__file__)
    then, now = (list(functions(compile(raw, path, "exec"))) for raw in (text.raw, mutated))
    changed = {
        (old.co_qualname, old.co_firstlineno): new
        for old, new in zip(then, now, strict=True)
        if (old.co_code, old.co_consts, old.co_names) != (new.co_code, new.co_consts, new.co_names)
    }
    is_done = False
    for it in gc.get_objects():
        if not isinstance(it, FunctionType) or it.__code__.co_filename != path:
            continue
        new = changed.get((it.__code__.co_qualname, it.__code__.co_firstlineno))
        if new is not None and len(new.co_freevars) == len(it.__code__.co_freevars):
            it.__code__ = new
            is_done = True
    return is_done


class Mutating:
    """A plugin of pytest: its loop over the tests is run for each mutant."""

    def __init__(self, name: str) -> None:
        self._text = Text(SOURCE / name)
        self._name = name
        self._module = "tollhouse." + name.removesuffix(".py").replace("/", ".")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        began = time.monotonic()
        if _tried(session, lambda: True, 600.0) is not SURVIVED:
            sys.exit("the tests fail as it is")
        patience_s = 2 * (time.monotonic() - began) + BEYOND_S
        module = importlib.import_module(self._module)
        counts = [0, 0, 0]
        for node, instead in sorted(mutants(self._text), key=lambda mutant: mutant[0].lineno):
            mutated = self._text.with_(node, instead)
            end = _tried(session, lambda: is_put(module, self._text, mutated), patience_s)  # noqa: B023
            counts[end] += 1
            if end is SURVIVED:
                was = self._text.of(node).splitlines()[0]
                print(f"{self._name}:{node.lineno}: {was}   ->   {instead}", flush=True)
        print("{} survived, {} killed, {} not tried".format(*counts))
        return True


def _tried(session: pytest.Session, put: Callable[[], bool], patience_s: float) -> int:
    child = os.fork()
    if child == 0:
        os.setsid()
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        end = NOT_TRIED
        try:
            if put():
                pytest_runtestloop(session)
                end = KILLED if session.testsfailed else SURVIVED
        except BaseException:
            end = KILLED
        finally:
            os._exit(end)
    ends_at = time.monotonic() + patience_s
    while time.monotonic() < ends_at:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return KILLED


if __name__ == "__main__":
    os.nice(NICER)
    name, *tests = sys.argv[1:]
    options = ("-x", "-q", "-s", "--tb=no", "-p", "no:xdist")
    sys.exit(pytest.main([*options, *tests], plugins=[Mutating(name)]))
