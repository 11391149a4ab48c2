"""Which accounts a Headwater home belongs to.

Cursors, landed rows and what a destination acknowledged speak of one account of a system. Fed from
another one (a staging org, a demo, another customer), they would skip history and remove what they
never wrote. So a home remembers the account of each system that it met first, and refuses others.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from headwater.errors import SettingsError
from headwater.settings import Settings, load
from headwater.shared_state import shared_state
from headwater.system_settings import SYSTEMS

FILE = "accounts.json"


class _Account(Protocol):
    @property
    def account(self) -> str: ...


def claim(system: str, settings: Settings) -> None:
    """Remember that this home belongs to the account of ``system`` that the settings name.

    Raises :class:`SettingsError` if it belongs to another one, or a setting is missing.
    """
    group: _Account = load(SYSTEMS[system])  # type: ignore[assignment]
    path = settings.home / FILE
    with _alone(path):
        text = path.read_text(encoding="utf-8") if path.exists() else "{}"
        known: dict[str, str] = json.loads(text)
        if system not in known:
            known[system] = group.account
            draft = path.with_suffix(".draft")
            draft.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")
            draft.replace(path)
    if known[system] != group.account:
        raise SettingsError(
            f"{settings.home} holds data of {system} account {known[system]!r}, "
            f"and the settings name {group.account!r}.",
            next_step="Give each set of accounts a home of its own with HEADWATER_HOME. If it is "
            f"the same account under a new name, correct {path}.",
        )


def claim_shared(system: str, settings: Settings) -> None:
    """Remember whose account the shared state in PostgreSQL speaks of: runners with homes of their
    own that share it must not write to different ones. Nothing to do where a home has its own.

    Raises :class:`SettingsError` if it speaks of another account.
    """
    if settings.sync_state_url is None:
        return
    group: _Account = load(SYSTEMS[system])  # type: ignore[assignment]
    with shared_state(settings) as state:
        state.change(
            "insert into accounts (system, account) values ($system, $account) "
            "on conflict (system) do nothing",
            {"system": system, "account": group.account},
        )
        ((known,),) = state.rows(
            "select account from accounts where system = $system", {"system": system}
        )
        label = state.label
    if known != group.account:
        raise SettingsError(
            f"{label} holds what was sent to {system} account {known!r}, and the settings name "
            f"{group.account!r}.",
            next_step="Give each set of accounts a schema of its own with "
            "HEADWATER_SYNC_STATE_SCHEMA. If it is the same account under a new name, correct the "
            "table accounts.",
        )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One claim at a time, of all threads and processes: several sources are checked at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
