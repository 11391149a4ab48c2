"""One runner at a time for each sync: across threads and processes, and it says who it is.

The lease of the embedded state is an advisory lock on a file beside it: the operating system lets
go of it when the process that holds it ends in any way. (In PostgreSQL it is an advisory lock of
the session, ``syncs/postgres_state.py``.) Who holds it and how far it is can be read at any time.
Whoever has taken it counts up a fencing number in the state; each transaction of a runner checks
that the number is still its own, so that a runner whose lease was taken from it (the file was
deleted) writes nothing more.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Protocol

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from headwater.errors import WarehouseBusyError
from headwater.settings import Settings

LOOK_EVERY_SECONDS = 0.1


@dataclass(frozen=True)
class Holder:
    """Who runs a sync just now. ``doing`` is the last line of progress, empty before the first."""

    name: str
    process: int
    host: str
    since: str
    doing: str = ""

    @classmethod
    def here(cls, name: str, now: datetime) -> Holder:
        """This process."""
        since = now.isoformat(timespec="seconds")
        return cls(name, os.getpid(), socket.gethostname(), since)

    @classmethod
    def read(cls, text: str, name: str) -> Holder:
        """What the holder wrote as JSON; it may be in the middle of writing."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return cls(name, 0, "this machine", "just now")

    def __str__(self) -> str:
        text = f"process {self.process} on {self.host}, since {self.since}"
        return f"{text}: {self.doing}" if self.doing else text


class Lease(Protocol):
    """The right to run one sync, while it is held."""

    def tell(self, doing: str) -> None:
        """Let others read how far the run is."""
        ...


class FileLease:
    """The right to run one sync, while the block of :func:`take_lease` lasts."""

    def __init__(self, file: TextIOWrapper, holder: Holder) -> None:
        self._file = file
        self._holder = holder
        self.tell("")

    def tell(self, doing: str) -> None:
        """Let others read how far the run is."""
        said = {**vars(self._holder), "doing": doing}
        self._file.seek(0)
        self._file.write(json.dumps(said) + "\n")
        self._file.truncate()
        self._file.flush()


@contextmanager
def take_lease(settings: Settings, name: str, now: datetime) -> Iterator[FileLease]:
    """Hold the sync ``name`` for the block.

    Waits up to ``HEADWATER_WAREHOUSE_WAIT_SECONDS`` for another runner to end, then raises
    :class:`WarehouseBusyError` that names it.
    """
    path = _path(settings, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    with path.open("r+", encoding="utf-8") as file:
        for attempt in patiently(settings):
            with attempt:
                _lock(file, settings, name)
        yield FileLease(file, Holder.here(name, now))
        file.truncate(0)


def file_holder(settings: Settings, name: str) -> Holder | None:
    """Who runs the sync just now, None if nobody does. Never waits."""
    path = _path(settings, name)
    if not path.exists():
        return None
    with path.open(encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return Holder.read(file.read(), name)
    return None


def _path(settings: Settings, name: str) -> Path:
    return settings.sync_state / f"{name}.lease"


def _lock(file: TextIOWrapper, settings: Settings, name: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        raise busy(name, Holder.read(file.read(), name), settings) from error


def busy(name: str, held_by: Holder, settings: Settings) -> WarehouseBusyError:
    """What to say when somebody else runs the sync."""
    return WarehouseBusyError(
        f"{name} is being run by {held_by}; waited {settings.warehouse_wait_seconds:g} s for it.",
        next_step="Nothing was sent by this run. `headwater sync status` shows how far the "
        "other is; HEADWATER_WAREHOUSE_WAIT_SECONDS sets how long to wait for it.",
    )


def patiently(settings: Settings) -> Retrying:
    """Tries until nobody else runs the sync, or the time to wait is over."""
    return Retrying(
        retry=retry_if_exception_type(WarehouseBusyError),
        stop=stop_after_delay(settings.warehouse_wait_seconds),
        wait=wait_fixed(LOOK_EVERY_SECONDS),
        reraise=True,
    )
