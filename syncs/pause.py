"""A person's word that a sync must not send for now: kept in a file, heeded between two batches."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from headwater.errors import PausedError
from headwater.settings import Settings


@dataclass(frozen=True)
class Pause:
    """Since when a sync is paused (UTC), and why."""

    since: str
    reason: str


def pause(settings: Settings, name: str, reason: str, now: datetime) -> Pause:
    """Stop a sync: a run that is on ends after its batch, and no other begins."""
    made = Pause(now.isoformat(timespec="seconds"), reason)
    path = _path(settings, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".pausing")
    draft.write_text(json.dumps(asdict(made)) + "\n", encoding="utf-8")
    draft.replace(path)
    return made


def resume(settings: Settings, name: str) -> bool:
    """Let a sync go on; whether it was paused."""
    path = _path(settings, name)
    was_paused = path.exists()
    path.unlink(missing_ok=True)
    return was_paused


def paused(settings: Settings, name: str) -> Pause | None:
    """The pause of a sync, None if it may run. A file that cannot be read is a pause."""
    try:
        text = _path(settings, name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        return Pause(**json.loads(text))
    except (ValueError, TypeError):
        return Pause("an unknown time", "the file cannot be read")


def require_not_paused(settings: Settings, name: str) -> None:
    """Raise :class:`PausedError` if the sync is paused."""
    found = paused(settings, name)
    if found is not None:
        raise PausedError(
            f"{name} is paused since {found.since}: {found.reason}.",
            next_step=f"What is not sent stays owed. Let it go on with "
            f"`headwater sync resume {name}`.",
        )


def _path(settings: Settings, name: str) -> Path:
    return settings.sync_state / f"{name}.paused"
