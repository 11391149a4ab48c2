"""The records of the org, and what the org remembers about sessions, cursors, jobs and usage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from sandbox.clock import VirtualClock
from sandbox.store import Row, SqliteStore
from sandbox.vendors.salesforce import ids, schema, values
from sandbox.vendors.salesforce.schema import SObject

_STATE = """
create table if not exists counter (name text primary key, value integer not null);
create table if not exists session (token text primary key, user_id text, opened_at text);
create table if not exists refresh_token (token text primary key, alive integer not null);
create table if not exists api_usage (hour text primary key, used integer not null);
create table if not exists org_limit (name text primary key, maximum integer not null);
create table if not exists query_cursor (
    id text primary key, soql text, all_rows integer, ids text, opened_at text
);
create table if not exists job (
    id text primary key, kind text not null, api_version real not null, state text not null,
    created_at text not null, changed_at text not null, body text not null
);
create table if not exists job_result (
    job_id text not null, line integer not null, record_id text, created integer,
    error text, primary key (job_id, line)
) without rowid;
"""


class Store(SqliteStore):
    """One SQLite table per object, named as the object, one column per stored field."""

    def __init__(self, home: Path, clock: VirtualClock) -> None:
        self.folder = home / "salesforce"
        super().__init__(self.folder / "org.sqlite")
        self.clock = clock
        self.connection.executescript(_STATE)
        for sobject in schema.objects().values():
            self._create(sobject)

    def _create(self, sobject: SObject) -> None:
        columns = ", ".join(
            f'"{f.name}" {f.column_type}' + (" primary key" if f.name == "Id" else "")
            for f in sobject.stored
        )
        self.execute(f'create table if not exists "{sobject.name}" ({columns})')
        for field in sobject.stored:
            if field.name == sobject.stamp or (field.id_lookup and field.name != "Id"):
                self.execute(
                    f'create index if not exists "{sobject.name}_{field.name}" '
                    f'on "{sobject.name}" ("{field.name}")'
                )
        if sobject.name == "CampaignMember":
            self.execute(
                "create index if not exists campaign_member_pair "
                'on "CampaignMember" ("CampaignId", "LeadId", "ContactId")'
            )

    def seed(self, table: str, rows: Iterable[Row]) -> None:
        """Put rows in as given, ids and stamps included; a known ``Id`` is updated.

        Raises ``ValueError`` for an unknown table or field, or a value of the wrong type.
        """
        sobject = schema.find(table)
        if sobject is None:
            raise ValueError(f"Salesforce has no object {table!r}")
        with self.transaction():
            for names, group in groupby(rows, key=_field_names):
                self._seed(sobject, names, group)

    def _seed(self, sobject: SObject, names: tuple[str, ...], rows: Iterable[Row]) -> None:
        found = [sobject.field(name) for name in names]
        unknown = [name for name, f in zip(names, found, strict=True) if f is None]
        if unknown or "Id" not in names:
            raise ValueError(
                f"{sobject.name} has no field {', '.join(unknown)}"
                if unknown
                else f"A row for {sobject.name} needs an Id"
            )
        given = [f for f in found if f is not None and f.stored]
        now = values.stamp(self.clock.now())
        absent: Row = {f.name: False for f in sobject.stored if f.type == "boolean"}
        stamps = ("CreatedDate", "LastModifiedDate", "SystemModstamp")
        absent |= {name: now for name in stamps if sobject.field(name)}
        extra = {name: value for name, value in absent.items() if name not in names}
        if "SystemModstamp" in names and "LastModifiedDate" not in names:
            extra.pop("LastModifiedDate", None)
        columns = [f.name for f in given] + list(extra)
        updates = ", ".join(f'"{f.name}" = excluded."{f.name}"' for f in given if f.name != "Id")
        sql = (
            f'insert into "{sobject.name}" ({_names(columns)}) values ({_marks(columns)}) '
            f'on conflict ("Id") do {"update set " + updates if updates else "nothing"}'
        )
        defaults = list(extra.values())
        self.connection.executemany(
            sql, ([values.seeded(f, row[f.name]) for f in given] + defaults for row in rows)
        )

    def rows(self, table: str) -> list[Row]:
        """All rows of an object, deleted ones included, with the values that REST shows."""
        sobject = schema.find(table)
        if sobject is None:
            raise ValueError(f"Salesforce has no object {table!r}")
        found = self.execute(f'select * from "{sobject.name}" order by "Id"')
        return [{f.name: values.as_json(f, row[f.name]) for f in sobject.stored} for row in found]

    def by_ids(self, sobject: SObject, column: str, keys: Sequence[str]) -> list[Row]:
        """The rows whose ``column`` is one of ``keys``, in order of id."""
        result: list[Row] = []
        for start in range(0, len(keys), 10_000):
            part = keys[start : start + 10_000]
            result += self.execute(
                f'select * from "{sobject.name}" where "{column}" in ({_marks(part)}) '
                'order by "Id"',
                part,
            )
        return result

    def insert_rows(self, sobject: SObject, rows: Sequence[Row]) -> None:
        """Insert complete rows."""
        columns = [f.name for f in sobject.stored]
        self.connection.executemany(
            f'insert into "{sobject.name}" ({_names(columns)}) values ({_marks(columns)})',
            ([row.get(name) for name in columns] for row in rows),
        )

    def update_rows(self, sobject: SObject, changes: Sequence[tuple[str, Row]]) -> None:
        """Update rows by id, each in its own columns."""
        for names, group in groupby(changes, key=lambda change: tuple(change[1])):
            assignments = ", ".join(f'"{name}" = ?' for name in names)
            self.connection.executemany(
                f'update "{sobject.name}" set {assignments} where "Id" = ?',
                ([*row.values(), record_id] for record_id, row in group),
            )

    def new_ids(self, prefix: str, count: int) -> list[str]:
        """As many new ids under a prefix."""
        row = self.execute(
            "insert into counter values (?, ?) on conflict (name) "
            "do update set value = value + excluded.value returning value",
            (prefix, count),
        )[0]
        pod = schema.org()["pod"]
        first = row["value"] - count + 1
        return [ids.make(prefix, pod, first + i) for i in range(count)]

    def count_request(self) -> None:
        """Count one API request in the current hour of the virtual clock."""
        hour = self.clock.now().strftime("%Y-%m-%dT%H")
        self.execute(
            "insert into api_usage values (?, 1) on conflict (hour) do update set used = used + 1",
            (hour,),
        )

    def requests_used(self) -> int:
        """The API requests of the last 24 hours."""
        since = (self.clock.now() - timedelta(hours=24)).strftime("%Y-%m-%dT%H")
        found = self.execute("select sum(used) as used from api_usage where hour > ?", (since,))
        return int(found[0]["used"] or 0)

    def limit(self, name: str) -> int:
        """A limit of the org."""
        found = self.execute("select maximum from org_limit where name = ?", (name,))
        return int(found[0]["maximum"] if found else schema.org()["limits"][name])

    def set_limit(self, name: str, maximum: int) -> None:
        """Give the org another limit, such as ``DailyApiRequests``."""
        if name not in schema.org()["limits"]:
            raise ValueError(f"The org has no limit {name!r}")
        self.execute("insert or replace into org_limit values (?, ?)", (name, maximum))

    def end_sessions(self) -> None:
        """Every session expires at once."""
        self.execute("delete from session")


def _field_names(row: Row) -> tuple[str, ...]:
    return tuple(row)


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _marks(columns: Sequence[Any]) -> str:
    return ", ".join("?" * len(columns))
