"""All commands in one list, and the options that stand before them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from tollhouse import __version__
from tollhouse.cli import (
    access,
    admin,
    audit,
    budgets,
    config,
    demo,
    doctor,
    evidence,
    explain,
    export,
    importing,
    issuers,
    keys,
    limits,
    memberships,
    migrate,
    plans,
    prices,
    projects,
    providers,
    receipts,
    secrets,
    serve,
    sessions,
    tenants,
    usage,
    users,
)
from tollhouse.cli.house import ENVIRONMENT, PROFILE, Invocation

# Plain help: markup would import rich before the first word is printed.
app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    help="One door between applications and language models.",
)
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.add_typer(config.app, name="config")
app.command("migrate")(migrate.migrate)
app.add_typer(tenants.app, name="tenants")
app.add_typer(projects.app, name="projects")
app.add_typer(users.app, name="users")
app.add_typer(memberships.app, name="members")
app.add_typer(keys.app, name="keys")
app.add_typer(issuers.app, name="issuers")
app.add_typer(budgets.app, name="budgets")
app.add_typer(plans.app, name="plans")
app.add_typer(limits.app, name="limits")
app.add_typer(prices.app, name="prices")
app.add_typer(providers.app, name="providers")
app.add_typer(secrets.app, name="secrets")
app.add_typer(usage.app, name="usage")
app.command("explain")(explain.explain)
app.add_typer(audit.app, name="audit")
app.add_typer(receipts.app, name="receipts")
app.command("export")(export.export)
app.add_typer(importing.app, name="import")
app.add_typer(access.app, name="access")
app.add_typer(admin.app, name="admin")
app.add_typer(sessions.app, name="sessions")
app.command("openapi")(admin.openapi)
app.command("doctor")(doctor.doctor)
app.command("evidence")(evidence.evidence)


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            envvar=ENVIRONMENT,
            help="The settings. Without it: ./tollhouse.toml if there is one, else the defaults.",
        ),
    ] = None,
    profile: Annotated[
        str,
        typer.Option(
            envvar=PROFILE,
            help="What users of another gateway are used to, beneath the settings: `otari`.",
        ),
    ] = "",
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --version: as JSON.")] = False,
) -> None:
    """One door between applications and language models.

    Example: tollhouse --config tollhouse.toml serve
    """
    context.obj = Invocation(config, os.environ, profile)
    if version:
        print(json.dumps({"version": __version__}) if as_json else f"tollhouse {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit
