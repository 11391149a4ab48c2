"""What the local Marketo keeps: leads, activities, programs, lists, export jobs and the token."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.clock import VirtualClock
from sandbox.store import SqliteStore
from sandbox.vendors.documents import Documents
from sandbox.vendors.marketo.answers import stamp
from sandbox.vendors.rate_window import RateWindow

Record = dict[str, Any]
ROOM_FOR_SEEDS = 1_000_000
NEW_LEAD, CHANGE_VALUE, MERGE_LEADS, DELETE_LEAD = 12, 13, 32, 37
ACTIVITY_TYPES = {
    1: "Visit Webpage",
    2: "Fill Out Form",
    3: "Click Link",
    6: "Send Email",
    7: "Email Delivered",
    8: "Email Bounced",
    9: "Unsubscribe Email",
    10: "Open Email",
    11: "Click Email",
    NEW_LEAD: "New Lead",
    CHANGE_VALUE: "Change Data Value",
    22: "Change Score",
    24: "Add to List",
    25: "Remove from List",
    MERGE_LEADS: "Merge Leads",
    DELETE_LEAD: "Delete Lead",
    46: "Interesting Moment",
    104: "Change Status in Progression",
}


class Store:
    """Leads, activities, programs and lists by integer id, members by program and lead, export
    jobs by their id.

    Limits that may be changed: ``calls_per_20_seconds``, ``daily_calls``, ``concurrent_calls``,
    ``daily_export_bytes``; ``export_step_seconds`` is the least time between two states of a
    job (a minute at the vendor); ``has_updated_at_filter`` whether exports may filter by it.
    """

    def __init__(self, home: Path, clock: VirtualClock) -> None:
        self.clock = clock
        self.db = SqliteStore(home / "marketo" / "marketo.sqlite")
        self.leads = Documents(self.db, "leads", integer_keys=True)
        self.leads.index("leads_by_email", "lower(document ->> '$.email')")
        self.activities = Documents(self.db, "activities", integer_keys=True)
        self.activities.index("activities_by_date", "document ->> '$.activityDate'")
        self.programs = Documents(self.db, "programs", integer_keys=True)
        self.lists = Documents(self.db, "lists", integer_keys=True)
        self.members = Documents(self.db, "program_members")
        self.members.index("members_by_program", "document ->> '$.programId'")
        self.list_members = Documents(self.db, "list_members")
        self.exports = Documents(self.db, "exports")
        self.tokens = Documents(self.db, "tokens")
        self.db.execute("create table if not exists quota (day text primary key, used integer)")
        self.calls_per_20_seconds = RateWindow(100, 20, clock)
        self.daily_calls = 50_000
        self.concurrent_calls = 10
        self.daily_export_bytes = 500_000_000
        self.export_step_seconds = 0.1
        self.has_updated_at_filter = False
        self._in_progress = 0
        self._lock = threading.Lock()

    def seed(self, table: str, rows: Iterable[Record]) -> None:
        """Add or replace ``leads``, ``activities``, ``programs`` or ``lists`` as given, by integer
        ``id``, or ``program_members`` by ``programId`` and ``leadId``. A row with ``isDeleted`` is
        removed instead.

        Ids that the API gives out stay clear of those of seeds to come.
        """
        documents = self._tables()[table]
        name_key = _member_key if table == "program_members" else _own_id
        keyed = [(name_key(row), row) for row in rows]
        documents.put_many((key, row) for key, row in keyed if not row.get("isDeleted"))
        for key, row in keyed:
            if row.get("isDeleted"):
                documents.delete(key)
        numbers = [key for key, _ in keyed if isinstance(key, int)]
        if numbers:
            documents.reserve(max(numbers) + ROOM_FOR_SEEDS)

    def rows(self, table: str) -> list[Record]:
        """All rows of a table."""
        return self._tables()[table].select()

    def _tables(self) -> dict[str, Documents]:
        return {
            "leads": self.leads,
            "activities": self.activities,
            "programs": self.programs,
            "lists": self.lists,
            "program_members": self.members,
            "list_members": self.list_members,
            "exports": self.exports,
        }

    def find(
        self, field: str, values: list[str], *, limit: int = -1, after: int = 0
    ) -> list[Record]:
        """Leads by a searchable field of the schema, by id, ignoring case."""
        marks = ", ".join("?" for _ in values)
        column = "lower(cast(document ->> ? as text))"
        parameters: list[Any] = [after, f"$.{field}"]
        if field == "email":
            column, parameters = "lower(document ->> '$.email')", [after]
        return self.leads.select(
            f"key > ? and {column} in ({marks})",
            (*parameters, *(value.lower() for value in values)),
            limit=limit,
        )

    def log(self, lead_id: int, type_id: int, **more: Any) -> None:
        """Add an activity of now."""
        key = self.activities.next_key()
        self.activities.put(
            key,
            {
                "id": key,
                "marketoGUID": str(key),
                "leadId": lead_id,
                "activityDate": stamp(self.clock.now()),
                "activityTypeId": type_id,
                "attributes": [],
                **more,
            },
        )

    def count_call(self) -> int:
        """Count one call of today (the virtual day) and return how many it makes."""
        day = self.clock.now().date().isoformat()
        with self.db.transaction():
            self.db.execute(
                "insert into quota values (?, 1) on conflict (day) do update set used = used + 1",
                (day,),
            )
            return int(self.db.tuples("select used from quota where day = ?", (day,))[0][0])

    def enter(self) -> bool:
        """Start a call; False when too many are in progress already."""
        with self._lock:
            if self._in_progress >= self.concurrent_calls:
                return False
            self._in_progress += 1
            return True

    def leave(self) -> None:
        """End a call that was entered."""
        with self._lock:
            self._in_progress -= 1


def _own_id(row: Record) -> int | str:
    return int(row["id"])


def _member_key(row: Record) -> int | str:
    return f"{row['programId']:010d}/{row['leadId']:010d}"
