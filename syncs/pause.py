"""A person's word that a sync must not send for now: shared by all runners, heeded between two
batches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from headwater.errors import PausedError
from headwater.settings import Settings
from headwater.shared_state import shared_state


@dataclass(frozen=True)
class Pause:
    """Since when a sync is paused (UTC), and why."""

    since: str
    reason: str


def pause(settings: Settings, name: str, reason: str, now: datetime) -> Pause:
    """Stop a sync: a run that is on ends after its batch, and no other begins."""
    made = Pause(now.isoformat(timespec="seconds"), reason)
    with shared_state(settings) as state:
        state.change(
            "insert into pauses (sync, since, reason) values ($sync, $since, $reason) "
            "on conflict (sync) do update set since = excluded.since, reason = excluded.reason",
            {"sync": name, "since": made.since, "reason": reason},
        )
    return made


def resume(settings: Settings, name: str) -> bool:
    """Let a sync go on; whether it was paused."""
    with shared_state(settings) as state:
        return bool(state.change("delete from pauses where sync = $sync", {"sync": name}))


def paused(settings: Settings, name: str) -> Pause | None:
    """The pause of a sync, None if it may run.

    Raises :class:`StateUnavailableError` where that cannot be read.
    """
    with shared_state(settings) as state:
        found = state.rows("select since, reason from pauses where sync = $sync", {"sync": name})
    return Pause(*found[0]) if found else None


def require_not_paused(settings: Settings, name: str) -> None:
    """Raise :class:`PausedError` if the sync is paused."""
    found = paused(settings, name)
    if found is not None:
        raise PausedError(
            f"{name} is paused since {found.since}: {found.reason}.",
            next_step=f"What is not sent stays owed. Let it go on with "
            f"`headwater sync resume {name}`.",
        )
