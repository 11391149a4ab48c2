"""What the local LaunchDarkly keeps: segments and flags of one project and environment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.clock import VirtualClock
from sandbox.store import SqliteStore
from sandbox.vendors.documents import Documents
from sandbox.vendors.launchdarkly.answers import milliseconds
from sandbox.vendors.launchdarkly.sdk_view import sdk_flag, sdk_segment
from sandbox.vendors.rate_window import RateWindow

Record = dict[str, Any]
Change = tuple[str, dict[str, Any]]


class Store:
    """Segments and flags by key. A deleted one stays as a tombstone, so that versions only rise.

    ``global_limit`` and ``route_limit`` are the REST limits (the vendor publishes none; these are
    round figures). SDKs that stream are told of every change.
    """

    def __init__(self, home: Path, clock: VirtualClock) -> None:
        self.clock = clock
        self.db = SqliteStore(home / "launchdarkly" / "launchdarkly.sqlite")
        self.segments = Documents(self.db, "segments")
        self.flags = Documents(self.db, "flags")
        self.sdk_events = Documents(self.db, "sdk_events", integer_keys=True)
        self.db.execute(
            "create table if not exists big_segment_members (segment text, side text, "
            "context_key text, primary key (segment, side, context_key))"
        )
        self.global_limit = RateWindow(200, 10, clock)
        self.route_limit = RateWindow(50, 10, clock)
        self._lock = threading.Lock()
        self._listeners: list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[Change]]] = []

    def seed(self, table: str, rows: Iterable[Record]) -> None:
        """Add or replace ``segments`` or ``flags`` as given; what a row lacks is filled in."""
        for row in rows:
            if table == "segments":
                self.put_segment({**self.new_segment(row["key"]), **row})
            elif table == "flags":
                self.put_flag(row)
            else:
                raise KeyError(table)

    def rows(self, table: str) -> list[Record]:
        """All living ``segments`` or ``flags``, or the ``sdk_events`` that SDKs sent."""
        found = {"segments": self.segments, "flags": self.flags, "sdk_events": self.sdk_events}
        return found[table].select("not coalesce(document ->> '$.deleted', 0)")

    def new_segment(self, key: str) -> Record:
        """An empty segment, its version above that of one of the same key that was deleted."""
        now = milliseconds(self.clock.now())
        buried = self.segments.get(key) or {}
        return {
            "key": key,
            "name": key,
            "tags": [],
            "creationDate": now,
            "lastModifiedDate": now,
            "included": [],
            "excluded": [],
            "includedContexts": [],
            "excludedContexts": [],
            "rules": [],
            "version": buried.get("version", 0) + 1,
            "deleted": False,
            "generation": buried.get("generation", 0) + 1,
            "unbounded": False,
            "salt": f"salt-{key}",
        }

    def segment(self, key: str) -> Record | None:
        """The living segment of a key."""
        found = self.segments.get(key)
        return None if found is None or found["deleted"] else found

    def put_segment(self, segment: Record) -> None:
        """Store a segment (or its tombstone) and tell the SDKs."""
        self.segments.put(segment["key"], segment)
        path = f"/segments/{segment['key']}"
        if segment["deleted"]:
            self._tell(("delete", {"path": path, "version": segment["version"]}))
        else:
            self._tell(("patch", {"path": path, "data": sdk_segment(segment)}))

    def put_flag(self, flag: Record) -> None:
        """Store a flag and tell the SDKs."""
        self.flags.put(flag["key"], flag)
        self._tell(("patch", {"path": f"/flags/{flag['key']}", "data": sdk_flag(flag)}))

    def sdk_data(self) -> dict[str, dict[str, Any]]:
        """Everything that a server-side SDK reads."""
        segments = [each for each in self.rows("segments") if not each["unbounded"]]
        return {
            "flags": {each["key"]: sdk_flag(each) for each in self.rows("flags")},
            "segments": {each["key"]: sdk_segment(each) for each in segments},
        }

    def listen(self) -> asyncio.Queue[Change]:
        """A queue that gets every change from now on, in the running event loop."""
        queue: asyncio.Queue[Change] = asyncio.Queue()
        with self._lock:
            self._listeners.append((asyncio.get_running_loop(), queue))
        return queue

    def stop_listening(self, queue: asyncio.Queue[Change]) -> None:
        """Forget a queue."""
        with self._lock:
            self._listeners = [each for each in self._listeners if each[1] is not queue]

    def _tell(self, change: Change) -> None:
        with self._lock:
            for loop, queue in self._listeners:
                loop.call_soon_threadsafe(queue.put_nowait, change)
