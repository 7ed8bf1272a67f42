"""From what a server answered to what `vigil` says and exits with: the one place that knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vigil_cli.errors import CliError, FailedError, MisusedError, RefusedError

_ADVICE = {
    "VG101": "vigil case list, to find what you may look at",
    "VG113": "the id as it stands in vigil case list",
    "VG201": "vigil whoami, then ask an admin for a role that may do this",
    "VG202": "another moderator of a higher role",
    "VG203": '--legal-basis "why the law allows this"',
    "VG204": "a duration such as 30m, 12h, 7d, 1d12h or permanent",
    "VG205": "the list command of the same noun, to find the id",
    "VG206": "vigil message show ID, to see its state",
    "VG207": "nothing: it is already as you asked",
    "VG208": "the term list again, with the named entry corrected",
    "VG209": "the same command with --help",
    "VG301": "the same command again",
    "VG302": "vigil db status, then vigil db migrate",
    "VG401": "nothing: the audit log only ever grows",
    "VG402": 'vigil message hide ID --reason "…"',
    "57014": "the same command in a minute: the database had no time for it",
    "42501": "vigil whoami, to see which role you act with",
}
_MISUSED = {"VG204", "VG208", "VG209", "VG109", "VG110", "22P02", "22007", "22008", "22003"}
_MISUSED |= {"22021", "22P05", "23502", "23514", "22023"}
_MISSING = {"PGRST202", "PGRST205", "PGRST106", "42883", "42P01", "3F000"}
EXPIRED = {"PGRST301", "PGRST303", "PGRST300", "401"}


def from_answer(answer: Mapping[str, Any], *, action: str, url: str) -> CliError:
    """The error for a refusal in PostgREST's shape: message, code, details, hint."""
    code = str(answer.get("code") or "")
    message = str(answer.get("message") or "the server gave no reason").rstrip(".")
    hint = str(answer.get("hint") or "").strip()
    facts = {"details": answer["details"]} if answer.get("details") else {}
    if code in EXPIRED:
        return session_ended(url)
    if code in _MISSING:
        return FailedError(
            f"the database at {url} does not have what '{action}' needs ({message})",
            advice="vigil db status, then vigil db migrate",
            code=code,
        )
    if code.isdigit() and len(code) == 3:
        return _from_status(int(code), message, url)
    advice = hint or _ADVICE.get(code)
    if code in _MISUSED:
        return MisusedError(message, advice=advice or "--help", code=code, facts=facts)
    if code == "42501" or (code.startswith("VG") and not code.startswith("VG3")):
        return RefusedError(
            message, advice=advice or "vigil whoami, to see your role", code=code, facts=facts
        )
    return FailedError(
        f"{message} ({code})" if code and not code.startswith("VG") else message,
        advice=advice or "the same command again, or vigil db status",
        code=code or None,
        facts=facts,
    )


def session_ended(url: str) -> FailedError:
    """The session cannot be used or refreshed any more."""
    return FailedError(f"your session at {url} has ended", advice="vigil login", code="session")


def unreachable(url: str, why: str) -> FailedError:
    """Nothing answered."""
    return FailedError(
        f"cannot reach {url}: {why}" if why else f"cannot reach {url}",
        advice="vigil local up, or vigil login --url with the project's address",
        code="unreachable",
    )


def not_a_project(url: str) -> FailedError:
    """Something answered, and it was not a Supabase project."""
    return FailedError(
        f"{url} does not answer like a Supabase project",
        advice="vigil login --url with the project's address, as the dashboard shows it",
        code="protocol",
    )


def _from_status(status: int, message: str, url: str) -> CliError:
    if status in (502, 503, 504) or 520 <= status <= 530:
        return unreachable(url, f"HTTP {status}")
    if status == 429:
        return FailedError(
            f"{url} asks to slow down", advice="the same command in a minute", code="429"
        )
    if status == 403:
        return RefusedError(message, advice="vigil whoami", code="403")
    if status == 404:
        return not_a_project(url)
    return FailedError(
        f"{url} answered HTTP {status}: {message[:200]}",
        advice="the same command again; if it stays, the project's logs",
        code=str(status),
    )
