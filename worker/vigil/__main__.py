"""`vigil-worker`: carry what the database decided. Exit: 0 done, 1 failed, 2 misconfigured,
3 the database and this version do not fit together."""

import argparse
import asyncio
import importlib
import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

import structlog

from vigil import service
from vigil.doorbell_token import token_for
from vigil.errors import StopError, VigilError
from vigil.log import configure
from vigil.notify import Notifier
from vigil.settings import Settings
from vigil.version import VERSION

log = structlog.get_logger()

FAILED = "worker.failed"
ABORTED = "worker.aborted"


def parser() -> argparse.ArgumentParser:
    """The command line; everything else is set by the environment (docs/settings.md)."""
    made = argparse.ArgumentParser(
        prog="vigil-worker",
        description="Filters messages, records expiries. Settings come from VIGIL_* variables.",
    )
    made.add_argument("--version", action="version", version=f"vigil-worker {VERSION}")
    mode = made.add_mutually_exclusive_group()
    mode.add_argument("--once", action="store_true", help="work until the queue is empty, then end")
    mode.add_argument("--check", action="store_true", help="see whether everything fits, then end")
    return made


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run the worker and answer with its exit code."""
    arguments = parser().parse_args(argv)
    env = os.environ if environ is None else environ
    try:
        settings = Settings.from_env(env)
        configure(settings.log_format, settings.log_level)
        if settings.doorbell_configured:
            token_for(settings, now=0.0)
    except StopError as exc:
        print(f"vigil-worker: {exc}", file=sys.stderr)
        return exc.exit_code
    _start_sentry(settings)
    if arguments.check:
        return _finish(service.check(settings), shown=True)
    if arguments.once:
        return _finish(service.drain_once(settings), shown=False)
    return _finish(service.serve(settings, Notifier.from_env(env, os.getpid())), shown=False)


def _finish(work: Coroutine[Any, Any, Any], *, shown: bool) -> int:
    try:
        result = asyncio.run(work)
    except (asyncio.CancelledError, KeyboardInterrupt):
        log.warning(ABORTED)
        return 1
    except BaseExceptionGroup as group:
        return _explain(_first(group))
    except Exception as exc:  # noqa: BLE001 - the last place to say what went wrong
        return _explain(exc)
    if shown:
        print(json.dumps(result))
    return 0


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The cause worth reporting: an error of ours before any other."""
    leaves: list[BaseException] = []
    for exc in group.exceptions:
        leaves.append(_first(exc) if isinstance(exc, BaseExceptionGroup) else exc)
    return next((exc for exc in leaves if isinstance(exc, VigilError)), leaves[0])


def _explain(exc: BaseException) -> int:
    if isinstance(exc, VigilError):
        log.error(FAILED, reason=str(exc), kind=type(exc).__name__)
        return exc.exit_code
    # Frames alone: the message of an error nobody foresaw may quote a person.
    frames = "".join(traceback.format_tb(exc.__traceback__))
    log.critical(FAILED, kind=type(exc).__name__, frames=frames)
    return 1


def _start_sentry(settings: Settings) -> None:
    """Only when asked for and installed; never with local variables, which hold messages."""
    if settings.sentry_dsn and importlib.util.find_spec("sentry_sdk") is not None:
        importlib.import_module("sentry_sdk").init(
            dsn=settings.sentry_dsn,
            release=VERSION,
            send_default_pii=False,
            include_local_variables=False,
            max_breadcrumbs=0,
        )


if __name__ == "__main__":
    sys.exit(main())
