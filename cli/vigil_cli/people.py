"""Members named as moderators name them: by id, by e-mail address, by the beginning of a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vigil_cli.client import Api
from vigil_cli.errors import MisusedError


@dataclass(frozen=True, slots=True)
class Person:
    """One member, certainly."""

    user_id: str
    name: str

    @property
    def label(self) -> str:
        """The name when there is one."""
        return self.name or self.user_id


def find_person(api: Api, handle: str) -> Person:
    """The one member `handle` names; none or several is the caller's mistake, with candidates."""
    wanted = handle.strip()
    if not wanted:
        raise MisusedError(
            "the member's name is empty",
            advice="an id, an e-mail address or the beginning of a name",
        )
    found = api.rows("find_member", handle=wanted)
    if not found:
        raise MisusedError(
            f"no member matches '{wanted}'",
            advice="the whole e-mail address, or the user id",
            code="VG205",
        )
    chosen = found if len(found) == 1 else _exact(found, wanted)
    if len(chosen) == 1:
        return Person(str(chosen[0]["user_id"]), str(chosen[0].get("name") or ""))
    listed = "; ".join(_described(row) for row in found)
    raise MisusedError(
        f"'{wanted}' could be any of {len(found)} members: {listed}",
        advice=f"the user id, for example {found[0]['user_id']}",
        facts={"candidates": found},
    )


def find_id(api: Api, handle: str | None) -> str | None:
    """The id of an optional member."""
    return None if handle is None else find_person(api, handle).user_id


def _exact(found: list[dict[str, Any]], wanted: str) -> list[dict[str, Any]]:
    folded = wanted.casefold()
    return [
        row
        for row in found
        if folded in (str(row.get("name") or "").casefold(), str(row.get("email") or "").casefold())
    ]


def _described(row: dict[str, Any]) -> str:
    email = f" <{row['email']}>" if row.get("email") else ""
    return f"{row.get('name') or '(no name)'}{email} {row['user_id']}"
