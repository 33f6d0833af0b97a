"""`tollhouse doctor`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollhouse.cli.house import House, Invocation, Json, run_as_it_is, settings_of
from tollhouse.cli.printing import note, print_json

if TYPE_CHECKING:
    from tollhouse.control.doctor import Finding, Report

STATUS = {"fine": 0, "unsafe": 1, "unseen": 2}
COULD_NOT_LOOK = 2
INDENT = " " * 13


def doctor(
    context: typer.Context,
    strict: Annotated[
        bool, typer.Option("--strict", help="What is unfinished counts as unsafe.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look for what is unsafe or unfinished, each with the line that mends it. Changes nothing.

    Exit status 0 if nothing is unsafe, 1 if anything is, 2 if it could not look at everything:
    the settings are not valid, or the store cannot be read.

    Example: tollhouse doctor --strict
    """
    from tollhouse.config import ConfigInvalid
    from tollhouse.control.doctor import Severity, examine

    try:
        settings = settings_of(context)
    except ConfigInvalid as invalid:
        if as_json:
            keys = [problem.key for problem in invalid.problems]
            print_json({"status": "unseen", "hindered": "config_invalid", "keys": keys})
        note(f"config_invalid: {invalid.render()}")
        raise typer.Exit(COULD_NOT_LOOK) from None
    invocation: Invocation = context.obj

    async def work(house: House) -> Report:
        return await examine(house.settings, house.store, house.now_ms, invocation.file)

    report = run_as_it_is(settings, work)
    if as_json:
        print_json(_json(report))
    else:
        _print(report)
    is_unfinished = strict and report.having(Severity.UNFINISHED)
    raise typer.Exit(1 if is_unfinished else STATUS[report.status])


def _print(report: Report) -> None:
    from tollhouse.control.doctor import Severity
    from tollhouse.control.doctor.checklists import YOURS

    for severity in Severity:
        for finding in report.having(severity):
            _print_finding(finding)
    for check in report.unseen:
        print(f"{'not seen':<11}  {check.id}")
    if report.hindered:
        print(f"{INDENT}because {report.hindered}")
    print("\nYours to confirm: nothing here can see it.\n")
    for item in YOURS:
        print(f"  {item.says}\n    {item.page}")
    counted = (f"{len(report.having(each))} {each}" for each in Severity)
    print(f"\n{report.looked} checks: {', '.join(counted)}", end="")
    print(f", and {report.unlisted} more of the same" if report.unlisted else "")


def _print_finding(finding: Finding) -> None:
    check, mend = finding.check, finding.mend
    print(f"{check.severity.upper():<11}  {check.id}: {_plain(finding.found)}")
    print(f"{INDENT}why   {check.why}")
    rows = [*(mend.toml or "").splitlines(), *([f"$ {mend.command}"] if mend.command else [])]
    rows += [mend.words] if mend.words else []
    for place, row in enumerate(rows):
        print(f"{INDENT}{'mend' if place == 0 else '':<6}{_plain(row)}")
    print()


def _plain(text: str) -> str:
    """Names come from outside: nothing that steers a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _json(report: Report) -> dict[str, Any]:
    from tollhouse.control.doctor.checklists import YOURS

    return {
        "status": report.status,
        "looked": report.looked,
        "hindered": report.hindered,
        "unseen": [check.id for check in report.unseen],
        "findings": [_finding(finding) for finding in report.findings],
        "unlisted": report.unlisted,
        "yours": [{"id": item.id, "says": item.says, "page": item.page} for item in YOURS],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    from tollhouse.control.doctor.checklists import ITEMS

    check, mend = finding.check, finding.mend
    seeds = dict.fromkeys(seed for answer in check.answers for seed in ITEMS[answer].asked_by)
    return {
        "id": check.id,
        "severity": check.severity,
        "found": finding.found,
        "why": check.why,
        "mend": {"toml": mend.toml, "command": mend.command, "words": mend.words},
        "answers": list(check.answers),
        "asked_by": list(seeds),
    }
