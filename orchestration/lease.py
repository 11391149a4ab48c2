"""One cycle at a time on one Headwater home, whoever starts it: schedule, UI or command line.

The lease is an advisory lock on a file: the operating system lets go of it when the process that
holds it ends in any way, so a killed cycle never blocks the next one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from headwater.errors import WarehouseBusyError
from headwater.settings import Settings


@contextmanager
def cycle_lease(
    settings: Settings, holder: str, *, wait_seconds: float | None = None
) -> Iterator[None]:
    """Hold ``<home>/cycle.lock`` for the block; ``holder`` is shown to whoever finds it taken.

    Waits up to ``wait_seconds`` (``HEADWATER_WAREHOUSE_WAIT_SECONDS`` if not given), then raises
    :class:`WarehouseBusyError` that names the holder.
    """
    patience = settings.warehouse_wait_seconds if wait_seconds is None else wait_seconds
    settings.home.mkdir(parents=True, exist_ok=True)
    path = settings.home / "cycle.lock"
    with path.open("a+", encoding="utf-8") as file:
        for attempt in Retrying(
            retry=retry_if_exception_type(WarehouseBusyError),
            stop=stop_after_delay(patience),
            wait=wait_fixed(0.2),
            reraise=True,
        ):
            with attempt:
                _take(file.fileno(), path, patience)
        file.truncate(0)
        file.write(f"{holder} (process {os.getpid()})")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def is_lease_free(settings: Settings) -> bool:
    """Whether nobody works on this home just now."""
    path = settings.home / "cycle.lock"
    if not path.exists():
        return True
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _take(descriptor: int, path: Path, patience: float) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = path.read_text(encoding="utf-8") or "another process"
        raise WarehouseBusyError(
            f"Another cycle works on {path.parent}: {holder}; waited {patience:g} s for it.",
            next_step="Let it end (the Dagster UI shows it), then start again.",
        ) from error
