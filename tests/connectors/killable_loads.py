"""Loads of a source in processes that can be killed at any moment, and what they leave behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.run import run_source
from connectors.stream import Stream
from connectors.zone import MANIFEST, Zone
from headwater.clock import FixedClock
from headwater.settings import Settings
from headwater.warehouse import connect

KILLS = int(os.environ.get("KILLS", "20"))
ROOT = Path(__file__).parents[2]


@dataclass
class Loader:
    """Loads of one stream in processes that can be killed."""

    process: subprocess.Popen[str]

    def load(self, home: Path, as_of: datetime, kill_after: float | None = None) -> bool:
        """Load once; returns whether it came to its end before it was killed."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(home, as_of.isoformat(), file=self.process.stdin, flush=True)
        child = int(self.process.stdout.readline())
        if kill_after is not None:
            time.sleep(kill_after)
            os.kill(child, signal.SIGKILL)
        print(file=self.process.stdin, flush=True)
        ending = int(self.process.stdout.readline())
        assert ending in (0, -signal.SIGKILL), "a load failed by itself"
        return ending == 0


@contextmanager
def loader(stream: Stream) -> Iterator[Loader]:
    """A loader of one stream; the environment says where its source is."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__, stream.source, stream.name],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Loader(process)
        assert process.stdin is not None
        process.stdin.close()


def ask(home: Path, sql: str) -> list[tuple[Any, ...]]:
    """All rows of a query on the warehouse of a home."""
    with connect(Settings(home=home), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def state(home: Path, stream: Stream) -> list[list[tuple[Any, ...]]]:
    """Rows, cursor, quarantine, drift and what landed; all times are the injected clock's.

    A load that was killed after it was extracted is landed by the next run, which then reads what
    is new since: nothing. So there may be loads that brought nothing, and nothing else.
    """
    return [
        ask(home, f"select {what} order by all")
        for what in (
            f"* exclude (_load_id) from {stream.schema}.{stream.name}",
            "source, stream, cursor from landing.cursors",
            "* from landing.quarantine",
            "* from landing.drift",
            "landed, tombstoned, cursor_after from landing.loads where landed + tombstoned > 0",
        )
    ]


def whole_loads(home: Path, stream: Stream) -> list[tuple[str]]:
    """Every folder of the zone, as a row with its load id; each must have its manifest."""
    folder = Zone(Settings(home=home).landing_zone).folder(stream)
    paths = sorted(path for path in folder.iterdir() if path.is_dir())
    assert all((path / MANIFEST).exists() for path in paths)
    return [(path.name,) for path in paths]


def serve(source: str, stream: str) -> None:
    """Fork a process per load that is asked for on stdin, say its id, and say how it ended.

    What is imported is imported once, before. In a module of its own: to a program without a file
    DuckDB shows how far it is.
    """
    while line := sys.stdin.readline():
        home, as_of = line.split()
        child = os.fork()
        if child == 0:
            try:
                run_source(
                    source,
                    Settings(home=Path(home), http_retries=0),
                    FixedClock(datetime.fromisoformat(as_of)),
                    "cycle",
                    streams=[stream],
                )
                os._exit(0)
            except BaseException:  # noqa: BLE001 - a fork must never go on with its parent's work
                traceback.print_exc()
                os._exit(1)
        print(child, flush=True)
        sys.stdin.readline()  # its id stays its own for as long as nobody waits for it
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
