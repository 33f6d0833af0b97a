"""What in a module is a guard, and what is put in its place.

Conditions are decided beforehand, bounds moved by one, parts of `and` and `or` dropped, statements left out,
deadlines, clamps, cuts and handlers of exceptions taken away.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

MOVED = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}
WRITTEN: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}
LEFT_OUT = (ast.Expr, ast.Raise, ast.AugAssign, ast.Delete, ast.Break, ast.Continue)
UNHURRIED = "asyncio.timeout(None)"
SHOWN = 100

Node = ast.expr | ast.stmt


class Text:
    """The module as it is written. Offsets are those of its bytes, as the parser counts them."""

    def __init__(self, path: Path) -> None:
        self.raw = path.read_bytes()
        self._lines = [0]
        for line in self.raw.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def of(self, node: Node) -> str:
        return self.raw[slice(*self._span(node))].decode()

    def with_(self, node: Node, instead: str) -> bytes:
        start, end = self._span(node)
        return self.raw[:start] + instead.encode() + self.raw[end:]

    def _span(self, node: Node) -> tuple[int, int]:
        start, end = self._lines[node.lineno - 1], self._lines[(node.end_lineno or 0) - 1]
        return start + node.col_offset, end + (node.end_col_offset or 0)


@dataclass(frozen=True, slots=True)
class Mutant:
    name: str
    """Function, what is written, what is put instead: the same wherever in the file it stands."""

    node: Node
    instead: str

    @property
    def lines(self) -> range:
        return range(self.node.lineno, (self.node.end_lineno or self.node.lineno) + 1)


def mutants(text: Text) -> list[Mutant]:
    """Of all functions of the module, in the order of lines."""
    named: dict[str, int] = {}
    found = []
    for where, function in _functions(ast.parse(text.raw), ""):
        for node, instead in _of_function(text, function):
            was = " ".join(text.of(node).split())
            name = f"{where}: {_cut(was)} -> {_cut(instead)}"
            named[name] = again = named.get(name, 0) + 1
            found.append(Mutant(name if again == 1 else f"{name} ({again})", node, instead))
    return found


Function = ast.FunctionDef | ast.AsyncFunctionDef
Change = tuple[Node, str]
"""What is written, and what is put instead."""


def _functions(scope: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, Function):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.stmt):
            yield from _functions(node, prefix)


def _of_function(text: Text, function: Function) -> Iterator[Change]:
    for statement in function.body:
        for node in _within(statement):
            yield from _changes(text, node)
            if function.name != "__init__":
                yield from _forgotten(node)


def _within(node: ast.AST) -> Iterator[ast.AST]:
    """Where a part of a text between quotes stands, the parser does not say."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.JoinedStr):
            yield from _within(child)


def _changes(text: Text, node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.If(test=test) | ast.IfExp(test=test) | ast.match_case(guard=ast.expr() as test):
            yield from _decided(test)
        case ast.While(test=test) if not isinstance(test, ast.Constant):
            yield test, "False"
        case ast.comprehension(ifs=tests):
            yield from ((test, "True") for test in tests)
        case ast.Return(value=ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()) as value):
            yield from _decided(value)
        case ast.Assign(value=ast.Compare() | ast.UnaryOp(op=ast.Not()) as value):
            yield from _decided(value)
        case ast.keyword(value=ast.Compare() | ast.UnaryOp(op=ast.Not()) as value):
            yield from _decided(value)
        case ast.Compare():
            yield from _moved(text, node)
        case ast.BoolOp(op=op, values=values):
            word = " and " if isinstance(op, ast.And) else " or "
            for index in range(len(values)):
                rest = values[:index] + values[index + 1 :]
                yield node, f"({word.join(f'({text.of(value)})' for value in rest)})"
        case ast.Call():
            yield from _unbound(text, node)
        case ast.Subscript(value=whole, slice=ast.Slice(lower=None, upper=ast.expr(), step=None)):
            yield node, f"{text.of(whole)}[:]"
        case ast.ExceptHandler(body=[first, *_]) if not isinstance(first, ast.Raise):
            yield first, "raise"
        case ast.Expr(value=ast.Constant()):
            return
        case ast.stmt() if isinstance(node, LEFT_OUT):
            yield node, "pass"


def _decided(test: ast.expr) -> Iterator[Change]:
    yield test, "True"
    yield test, "False"


def _moved(text: Text, node: ast.Compare) -> Iterator[Change]:
    """Each bound of a chain on its own."""
    operands = [text.of(operand) for operand in (node.left, *node.comparators)]
    for index, moving in enumerate(node.ops):
        if type(moving) not in MOVED:
            continue
        parts = [operands[0]]
        for place, (_, right) in enumerate(pairwise(operands)):
            op = type(node.ops[place])
            parts += [MOVED[op] if place == index else WRITTEN[op], right]
        yield node, " ".join(parts)


def _unbound(text: Text, call: ast.Call) -> Iterator[Change]:
    match call.func:
        case ast.Attribute(attr="timeout" | "timeout_at", value=ast.Name(id="asyncio")):
            yield call, UNHURRIED
        case ast.Name(id="min" | "max") if len(call.args) > 1:
            for index in range(len(call.args)):
                rest = [text.of(arg) for place, arg in enumerate(call.args) if place != index]
                yield (
                    call,
                    rest[0] if len(rest) == 1 else f"{text.of(call.func)}({', '.join(rest)})",
                )
        case ast.Name(id="suppress") | ast.Attribute(attr="suppress"):
            yield call, f"{text.of(call.func)}()"


def _forgotten(node: ast.AST) -> Iterator[Change]:
    """What is first written down guards nothing; what is written down later may."""
    match node:
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
            yield node, "pass"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
