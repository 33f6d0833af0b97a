"""Writes the generated reference pages anew; tests compare them with the code.

What to do about an error is written by hand, in the page itself: the last column of each row
is kept, everything else comes from the registry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from scripts.fidelity.page import page as fidelity
from scripts.mutate.page import page as guards

from tollhouse.admin.matrix import GUARDS, cell
from tollhouse.cli import reference as cli
from tollhouse.config import reference as config
from tollhouse.control.doctor import CHECKS
from tollhouse.control.doctor.checklists import ITEMS
from tollhouse.data import catalogue
from tollhouse.domain.breaker import State
from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import (
    REGISTRY,
    Problem,
    acts,
    bodies,
    credentials,
    failures,
    money,
    repeats,
    requests,
    wanted,
)
from tollhouse.domain.identity import Priority
from tollhouse.domain.operations import OPERATIONS, Operation, Role
from tollhouse.domain.pricing import Usage
from tollhouse.domain.suspicion import Sign
from tollhouse.domain.vendors import Api
from tollhouse.server.routes import route_table
from tollhouse.telemetry.metrics import DURATION_BUCKETS_S, FIRST_BYTE_BUCKETS_S, OK, Metrics
from tollhouse.wiring.dialects import dialects

PAGES = Path(__file__).parent.parent / "docs" / "reference"

ERRORS_HEAD = """\
# Errors

Every request that is not answered gets one of these codes. A code is permanent; the sentence beside it
may get clearer. Branch on the code, never on the text.

- Inside a dialect an error has that dialect's shape, with the code in `error.code`. OpenAI's shape bears
  `request_id` and `"type": "error"` beside `error`, so that Anthropic's clients read it too.
- Where there is no dialect, as on an unknown path, it is `application/problem+json` (RFC 9457) with the type
  `urn:tollhouse:error:CODE`.
- Once a stream has begun, the error is an event of the stream, and the connection is closed without the end
  that would make it look whole.
- `x-should-retry: false` stands on what will not get better by itself; the official clients obey it. What may
  be retried bears `Retry-After`, of at most 60 seconds.
- `X-Request-Id` is on every answer. It finds the audit record and the log line.

This page is made from the code by `make docs`, but for the column "what to do", which is kept.
"""

METRICS_HEAD = """\
# Metrics

`GET /metrics` on a listener of its own, `127.0.0.1:9400` unless `[metrics]` says otherwise, without a
credential, in Prometheus' text format. Names and labels are a contract: they change only with a note in
the changelog.

Every label has a closed set of values. Routes, models, providers and targets are the configured ones, codes those of
the [error registry](errors.md), outcomes those of the ledger, signs those of
[the page on alerts](../how-to/alerts.md); anything else is counted as `other`. So callers
cannot multiply series.

This page is made from the code by `make docs`.

| metric | type | labels | what it counts |
|---|---|---|---|
"""

MATRIX_HEAD = """\
# Guards and routes

Which guard stands on which route, for answers in one piece and for streams. What a cell says is what the route
declares; a test makes each guard that stands act, on a served gateway.

- **key**: who has none is refused. **grant**: so is a key that was not granted the model. **budget**: nothing leaves
  that was not held for. **rate**: requests a minute. **guardrail**: there are none yet, and a route cannot name one
  that does not exist.
- **deadline**: the whole call is over by then. **cancel**: what a hang-up does. **audit**: when a record is written.
  **usage**: what the call came to is settled.
- *in one piece*, *only streams*: there is no such answer. *free*: no model is asked and nothing is owed.
  *by the batch*: granted, priced and held for when it begins, settled when it has ended; its own tests make that act.

This page is made from the code by `make docs`.
"""

DOCTOR_HEAD = """\
# What the doctor looks at

The checks of `tollhouse doctor`, by their ids, which do not change. What each finds is printed with the line that mends
it; [Harden it](../how-to/harden.md) has the checklists that they answer, and what only you can confirm.

With `--json`: `status` is `fine`, `unsafe` or `unseen`; `findings` have `id`, `severity`, `found`, `why`,
`mend` (`toml`, `command`, `words`), `answers` and `asked_by`; `unseen` lists the checks that could
not look, and `hindered` says why; `yours` lists what is yours to confirm, with the page.

This page is made from the code by `make docs`.

| check | severity | why it matters | answers |
|---|---|---|---|
"""


PROVIDERS_HEAD = """\
# Providers

What `kind` of a provider may be, beside `openai`, `openai-compatible`, `local` and `echo`. A row says where the API
begins, whose API it is, and which member bounds the output; each may be set otherwise in
[the settings](configuration.md). Where the URL is yours, set `url`. What “supports” does not name may be there all the
same: these are the features that are known of it.

```toml
[providers.groq]
kind = "groq"
key = "env:GROQ_API_KEY"
```

`tollhouse providers check` asks each of yours for its list of models, by the way that calls take.

This page is made from the code by `make docs`.

| kind | vendor | URL | API of | bounded by | supports |
|---|---|---|---|---|---|
"""

ROLES_HEAD = """\
# Roles

Who may do what. A user holds a role at the house, at a tenant or at a project (`tollhouse members add`), and with it
may do there, and in all that lies within, what is marked here. What has no row does not exist; what is not marked
is refused with 403 and written down. The operator at the machine may do everything.

- **own**: what is their own alone, such as a member's own keys.
- **above**: it takes the role one place higher. Who owns a tenant does not raise that tenant's budget, and who
  owns a project does not switch that project.
- **host**: on the machine alone; no token opens it.
- **changes** leave exactly one [audit record](audit-record.md) each, refused ones too.
- Nobody gives or takes a role that may do more than they may themselves, and the last owner of a place stays.
- A thing in a tenant where one holds no role is told like one that never was: 404.

This page is made from the code by `make docs`.

"""


def main() -> None:
    for name, page in GENERATED.items():
        (PAGES / name).write_text(page(), encoding="utf-8")


def errors() -> str:
    """Raises LookupError for a code without advice: it belongs in the page before the page is made."""
    rows = advice((PAGES / "errors.md").read_text("utf-8"))
    if missing := REGISTRY.keys() - rows.keys():
        raise LookupError(f"no advice yet for {', '.join(sorted(missing))}: add a row to errors.md")
    sections = [_section(title, kinds, rows) for title, kinds in _sections()]
    return ERRORS_HEAD + "".join(sections)


def advice(page: str) -> dict[str, str]:
    """The last column of each row, by its code."""
    return dict(re.findall(r"^\| `([a-z_]+)` \|.*\| ([^|]+) \|$", page, re.MULTILINE))


def metrics() -> str:
    families = text_string_to_metric_families(_exposed().decode())
    lines = "".join(
        f"| `{_name(each)}` | {each.type} | {_labels(each)} | {each.documentation} |\n"
        for each in families
    )
    return METRICS_HEAD + lines + _buckets()


def doctor() -> str:
    rows = "".join(
        f"| `{check.id}` | {check.severity} | {check.why} | "
        f"{', '.join(ITEMS[answer].says for answer in check.answers)} |\n"
        for check in CHECKS
    )
    return DOCTOR_HEAD + rows


def providers() -> str:
    rows = (
        f"| `{it.kind}` | [{it.name}]({it.docs}) | {f'`{it.url}`' if it.url else 'yours'} | {it.api} | "
        f"{f'`{it.output_bound}`' if it.api is Api.OPENAI else 'its own'} | {', '.join(sorted(it.supports)) or '-'} |\n"
        for it in catalogue().values()
    )
    return PROVIDERS_HEAD + "".join(rows)


def matrix() -> str:
    routes = list(route_table(dialects(), 1))
    head = f"\n| route | | {' | '.join(GUARDS)} |\n|---|---|{'---|' * len(GUARDS)}\n"
    rows = "".join(
        f"| `{route.method} {route.path}` | {'stream' if is_stream else 'whole'} | "
        f"{' | '.join(cell(route, guard, is_stream=is_stream).says for guard in GUARDS)} |\n"
        for route in routes
        for is_stream in (False, True)
    )
    return MATRIX_HEAD + head + rows


def roles() -> str:
    head = f"| operation | | {' | '.join(Role)} | |\n|---|---|{'---|' * len(Role)}---|\n"
    return ROLES_HEAD + head + "".join(map(_operation, OPERATIONS.values()))


def _operation(row: Operation) -> str:
    cells = " | ".join(_may(row, role) for role in Role)
    marks = [
        *(["changes"] if row.mutates else []),
        *(["above"] if row.is_above else []),
        *(["host"] if row.is_of_host else []),
    ]
    return f"| `{row.name}` | {row.says} | {cells} | {', '.join(marks)} |\n"


def _may(row: Operation, role: Role) -> str:
    if role in row.roles:
        return "yes"
    return "own" if role in row.own else ""


ROOMS = (credentials, requests, bodies, wanted, acts, repeats, money, failures)

GENERATED: dict[str, Callable[[], str]] = {
    "cli.md": cli.page,
    "configuration.md": config.page,
    "doctor.md": doctor,
    "errors.md": errors,
    "fidelity.md": fidelity,
    "guards.md": guards,
    "metrics.md": metrics,
    "providers.md": providers,
    "matrix.md": matrix,
    "roles.md": roles,
}


def _sections() -> Iterator[tuple[str, list[type[Problem]]]]:
    """First who comes, then what is asked for and what it costs, then what broke: each is a room of the registry."""
    for room in ROOMS:
        kinds = [each for each in REGISTRY.values() if each.__module__ == room.__name__]
        yield (room.__doc__ or "").rstrip("."), kinds


def _section(title: str, kinds: list[type[Problem]], rows: dict[str, str]) -> str:
    head = f"\n## {title}\n\n| code | status | what it means | retry | what to do |\n|---|---|---|---|---|\n"
    return head + "".join(_row(each, rows[each.code]) for each in kinds)


def _row(kind: type[Problem], what_to_do: str) -> str:
    retry = "yes" if kind.retryable else "no"
    return f"| `{kind.code}` | {kind.status} | {kind.title} | {retry} | {what_to_do} |\n"


def _exposed() -> bytes:
    """Every metric with all its labels: one sample of each."""
    all_of_them = Metrics(routes=(), models=(), providers=())
    all_of_them.request_began()
    all_of_them.request_ended("", 200, OK, 0, 0)
    all_of_them.settled("", Usage(), 0)
    all_of_them.attempted("", Outcome.COMPLETED)
    all_of_them.breaker_turned("", State.OPEN)
    all_of_them.shed(Priority.LOW)
    all_of_them.set_target_calls("", 0, 0)
    all_of_them.unauthenticated("")
    all_of_them.suspected(Sign.GUESSING)
    return all_of_them.expose()


def _name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _labels(family: Metric) -> str:
    names = dict.fromkeys(name for sample in family.samples for name in sample.labels)
    return ", ".join(f"`{name}`" for name in names if name != "le") or "none"


def _buckets() -> str:
    durations, first_bytes = (
        ", ".join(f"{bucket:g}" for bucket in buckets)
        for buckets in (DURATION_BUCKETS_S, FIRST_BYTE_BUCKETS_S)
    )
    return (
        f"\nBuckets of `tollhouse_request_duration_seconds`: {durations}.\n"
        f"\nBuckets of `tollhouse_first_byte_seconds`: {first_bytes}.\n"
        "\nWith several workers every figure is the sum over all of them, a second old; open holds, the age of\n"
        "the snapshot, the state of a breaker and the loop's lag are the highest of any worker, and the two\n"
        "`process_` figures are left out.\n"
    )


if __name__ == "__main__":
    main()
