"""What the local Mixpanel keeps: events as one gzip file per project and UTC day, and profiles.

``<home>/mixpanel/events/<project_id>/<YYYY-MM-DD>.ndjson.gz`` holds the events as an export
delivers them, one JSON object a line; more events are appended as further gzip members, so a file
can be streamed as it is. Events that came in by import or track are listed in SQLite besides.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sandbox.clock import VirtualClock
from sandbox.credentials import PRODUCT_PROJECT_ID
from sandbox.store import SqliteStore
from sandbox.vendors.documents import Documents
from sandbox.vendors.rate_window import RateWindow

Event = dict[str, Any]
EPOCH = date(1970, 1, 1)
SECONDS_PER_DAY = 86_400


def project_token(project_id: int) -> str:
    """The token that names a project in ``/track``, ``/engage`` and ``/groups``."""
    return hashlib.md5(f"mixpanel project {project_id}".encode()).hexdigest()


class Store:
    """Events, user profiles, group profiles and deletion tasks of all projects.

    ``exports_per_hour``, ``exports_per_second``, ``queries_per_hour`` and ``deletions_per_second``
    are the vendor's limits per project; their ``limit`` may be changed.
    """

    def __init__(self, home: Path, clock: VirtualClock) -> None:
        self._clock = clock
        self._events = home / "mixpanel" / "events"
        self._append = threading.Lock()
        self.db = SqliteStore(home / "mixpanel" / "mixpanel.sqlite")
        self.db.execute(
            "create table if not exists received (project_id integer, event text, "
            "distinct_id text, time integer, insert_id text, received_at text)"
        )
        self.profiles = Documents(self.db, "profiles")
        self.groups = Documents(self.db, "groups")
        self.deletions = Documents(self.db, "deletions")
        self.exports_per_hour = RateWindow(60, 3600, clock)
        self.exports_per_second = RateWindow(3, 1, clock)
        self.queries_per_hour = RateWindow(60, 3600, clock)
        self.deletions_per_second = RateWindow(1, 1, clock)

    def seed(self, table: str, rows: Iterable[Event]) -> None:
        """Add rows as given: ``events`` (``project_id`` beside event and properties, the product's
        project by default), or ``profiles`` and ``groups`` (with ``project_id`` likewise).
        """
        if table == "events":
            by_project: dict[int, list[Event]] = defaultdict(list)
            for row in rows:
                event = {"event": row["event"], "properties": row["properties"]}
                by_project[row.get("project_id", PRODUCT_PROJECT_ID)].append(event)
            for project_id, events in by_project.items():
                self._write(project_id, events)
            return
        for row in rows:
            project_id = row.get("project_id", PRODUCT_PROJECT_ID)
            if table == "profiles":
                self.profiles.put(f"{project_id}/{row['$distinct_id']}", row)
            elif table == "groups":
                self.groups.put(f"{project_id}/{row['$group_key']}/{row['$group_id']}", row)
            else:
                raise KeyError(table)

    def rows(self, table: str) -> list[Event]:
        """``events`` received by import or track (project_id, event, distinct_id, time in epoch
        seconds, insert_id, received_at), or all ``profiles`` or ``groups``.
        """
        if table == "events":
            return self.db.execute("select * from received order by rowid")
        return {"profiles": self.profiles, "groups": self.groups}[table].select()

    def add_events(self, project_id: int, events: list[Event]) -> None:
        """Store events that came in now; ``time`` is in epoch seconds."""
        now = self._clock.now()
        processed = {"mp_processing_time_ms": int(now.timestamp() * 1000)}
        stored = [
            {"event": event["event"], "properties": event["properties"] | processed}
            for event in events
        ]
        received_at = now.isoformat()
        self._write(project_id, stored)
        self.db.executemany(
            "insert into received values (?, ?, ?, ?, ?, ?)",
            (
                (
                    project_id,
                    event["event"],
                    str(event["properties"].get("distinct_id", "")),
                    event["properties"]["time"],
                    event["properties"].get("$insert_id"),
                    received_at,
                )
                for event in stored
            ),
        )

    def day_file(self, project_id: int, day: date) -> Path:
        """The file of one project's day, which may not exist."""
        return self._events / str(project_id) / f"{day.isoformat()}.ndjson.gz"

    def events(self, project_id: int) -> Iterator[Event]:
        """Every stored event of a project that is readable, by day, copies included."""
        for file in sorted((self._events / str(project_id)).glob("*.ndjson.gz")):
            with gzip.open(file, "rb") as lines:
                for line in lines:
                    try:
                        yield json.loads(line)
                    except ValueError:
                        continue  # a malformed line planted in the export

    def forget(self, project_id: int, distinct_ids: frozenset[str]) -> None:
        """Delete the events and the profiles of these distinct ids for good."""
        names = [name.encode() for name in distinct_ids]
        with self._append:
            for file in sorted((self._events / str(project_id)).glob("*.ndjson.gz")):
                lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
                kept = [
                    line
                    for line in lines
                    if not any(name in line for name in names)
                    or _distinct_id(line) not in distinct_ids
                ]
                if len(kept) < len(lines):
                    staged = file.with_suffix(".part")
                    staged.write_bytes(gzip.compress(b"".join(kept), compresslevel=1))
                    staged.replace(file)
        for name in sorted(distinct_ids):
            self.profiles.delete(f"{project_id}/{name}")
            self.db.execute(
                "delete from received where project_id = ? and distinct_id = ?", (project_id, name)
            )

    def unique_events(self, project_id: int) -> int:
        """How many events queries count: copies by event, time, distinct_id and insert_id once."""
        return len(
            {
                (
                    event["event"],
                    event["properties"].get("time"),
                    event["properties"].get("distinct_id"),
                    event["properties"].get("$insert_id"),
                )
                for event in self.events(project_id)
            }
        )

    def _write(self, project_id: int, events: list[Event]) -> None:
        encode = json.JSONEncoder(separators=(",", ":")).encode
        by_day: dict[int, list[str]] = defaultdict(list)
        for event in events:
            by_day[event["properties"]["time"] // SECONDS_PER_DAY].append(encode(event))
        with self._append:
            for days, lines in by_day.items():
                file = self.day_file(project_id, EPOCH + timedelta(days=days))
                file.parent.mkdir(parents=True, exist_ok=True)
                member = gzip.compress(("\n".join(lines) + "\n").encode(), compresslevel=1)
                with file.open("ab") as end:
                    end.write(member)


def _distinct_id(line: bytes) -> str | None:
    try:
        return str(json.loads(line)["properties"]["distinct_id"])
    except (ValueError, LookupError, TypeError):
        return None  # a malformed line planted in the export
