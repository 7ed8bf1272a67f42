"""`vigil`: what moderators and operators type. Every error is one sentence and a `Try:` line."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, cast

import typer

from vigil_cli import output
from vigil_cli.client import disconnect
from vigil_cli.commands import audit, case, db, jobs, login, message, restrict, staff, terms, worker
from vigil_cli.errors import DONE, FAILED, MISUSED, CliError, FailedError, MisusedError
from vigil_cli.local.errors import LocalStackError
from vigil_cli.textin import read_arguments
from vigil_cli.version import cli_version

# The common base of usage errors is not exported by name, but what is exported descends from it.
_UsageError = cast("type[Exception]", typer.BadParameter.__mro__[1])
_INTERRUPTED = 130


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"vigil {cli_version()}")
        raise typer.Exit(DONE)


app = typer.Typer(
    name="vigil",
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 misused, 3 refused by policy.",
)


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Keep a community's messaging safe: restrict, hide, filter, and see who did what.

    Data goes to stdout and words to stderr; --json makes the data one JSON document.
    """


_MODERATION = "Moderation"
_OPERATION = "Operation"
_ACCOUNT = "Account"

app.command(rich_help_panel=_ACCOUNT)(login.login)
app.command(rich_help_panel=_ACCOUNT)(login.logout)
app.command(rich_help_panel=_ACCOUNT)(login.whoami)
app.add_typer(restrict.app, name="restrict", rich_help_panel=_MODERATION)
app.add_typer(message.app, name="message", rich_help_panel=_MODERATION)
app.add_typer(case.app, name="case", rich_help_panel=_MODERATION)
app.add_typer(terms.app, name="terms", rich_help_panel=_MODERATION)
app.add_typer(audit.app, name="audit", rich_help_panel=_MODERATION)
app.add_typer(staff.app, name="staff", rich_help_panel=_MODERATION)
app.add_typer(db.app, name="db", rich_help_panel=_OPERATION)
app.add_typer(worker.app, name="worker", rich_help_panel=_OPERATION)
app.add_typer(jobs.app, name="jobs", rich_help_panel=_OPERATION)


_OWN = {"login", "logout", "whoami", "restrict", "message", "case", "terms", "audit", "staff"}
_OWN |= {"db", "worker", "jobs"}
_PARTS = ("local", "demo")


def complete_app() -> typer.Typer:
    """`app` with the parts that are shipped apart: local and demo, each once."""
    mounted = {group.name for group in app.registered_groups}
    mounted |= {command.name for command in app.registered_commands}
    for name in _PARTS:
        if name not in mounted:
            _mount(name)
    return app


def _mount(name: str) -> None:
    """Mount one part; its absence is no error, a fault inside it is."""
    module = f"vigil_cli.commands.{name}"
    try:
        part = import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        return
    if hasattr(part, "app"):
        app.add_typer(part.app, name=name, rich_help_panel=_OPERATION)
    else:  # a verb without a noun
        app.command(name, rich_help_panel=_OPERATION)(getattr(part, name))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `vigil` and end the process with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code tells done, failed, misused or refused."""
    output.prepare_streams()
    before_dashes = arguments[: list(arguments).index("--")] if "--" in arguments else arguments
    as_json = "--json" in before_dashes
    problem: CliError
    try:
        # The parts take longer to load than most commands to run.
        chosen = app if arguments and arguments[0] in _OWN else complete_app()
        code = chosen(read_arguments(arguments), prog_name="vigil", standalone_mode=False)
        sys.stdout.flush()
    except CliError as error:
        problem = error
    except LocalStackError as error:
        problem = FailedError(error.problem, advice=error.hint, code="local")
    except typer.Abort:
        problem = FailedError("stopped; nothing was changed", advice="--yes, to not be asked")
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _give_up_on_stdout()  # whoever read has seen enough, as `head` has
        return FAILED
    except OSError as error:
        _give_up_on_stdout()
        problem = _of_the_system(error)
    except _UsageError as error:
        return _misused(error, as_json=as_json)
    else:
        return code if isinstance(code, int) else DONE
    finally:
        disconnect()
    output.show_error(problem, as_json=as_json)
    return problem.exit_code


def _give_up_on_stdout() -> None:
    """Nothing more can be written there; what is buffered must not fail again at the end."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _of_the_system(error: OSError) -> FailedError:
    where = f" ({error.filename})" if error.filename else ""
    return FailedError(
        f"the system refused: {error.strerror or error}{where}",
        advice="the same command with room on the disk and a place it may write to",
        code="system",
    )


def _misused(error: Exception, *, as_json: bool) -> int:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "vigil"
    message = str(getattr(error, "format_message", error.__str__)()).rstrip(".")
    if message == "Missing command" and context is not None and not as_json:
        with contextlib.redirect_stdout(sys.stderr):
            context.get_help()
        return MISUSED
    message = message[:1].lower() + message[1:]
    output.show_error(MisusedError(message, advice=f"{command} --help"), as_json=as_json)
    return MISUSED


if __name__ == "__main__":
    main()
