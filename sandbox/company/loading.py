"""Puts a slice of the world where the vendors' servers and the product's database keep things."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import psycopg
import pyarrow.parquet as pq
from psycopg import sql

from sandbox import credentials
from sandbox.clock import VirtualClock
from sandbox.company.product_schema import kept_columns
from sandbox.company.sheet import SHEET_NAME
from sandbox.company.slices import Slice
from sandbox.postgres import Postgres

LOAD_ORDER = (
    "users",
    "organizations",
    "workspaces",
    "memberships",
    "invites",
    "plans",
    "plan_entitlements",
    "subscriptions",
    "usage_daily",
    "overage_state",
    "restaurants",
    "group_orders",
    "refunds",
    "workspace_integrations",
)
EVENT_FILES = "event_files"
"""The folder of the website's files in a sandbox's home."""
MOMENTS = ("updated_at", "created_at")
"""What a table is read along, the first that it has."""
WRITTEN_BY_HEADWATER = ("PLG_", "plg")
Progress = Callable[[str], None]
Row = dict[str, Any]


def load(
    part: Slice, home: Path, postgres: Postgres, clock: VirtualClock, progress: Progress
) -> None:
    """Load a slice: database, vendors' stores, event files, truth. The server must be running."""
    progress("product database")
    _load_product(part, postgres)
    progress("vendors")
    _load_vendors(part, home, clock)
    progress("event files")
    append_events(home, part.events)
    write_event_files(home, part)
    folder = home / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in part.truth.items():
        pq.write_table(table, folder / f"{name}.parquet")


def _load_product(part: Slice, postgres: Postgres) -> None:
    """Upsert every table by way of a temporary one, in one transaction."""
    url = postgres.url("postgres")
    with psycopg.connect(url) as connection:
        connection.execute("create schema if not exists load")
    with adbc.connect(url, autocommit=True) as fast, fast.cursor() as cursor:
        for name in LOAD_ORDER:
            if part.product[name].num_rows:
                cursor.adbc_ingest(name, part.product[name], mode="replace", db_schema_name="load")
    with psycopg.connect(url) as connection:
        for name in LOAD_ORDER:
            if part.product[name].num_rows:
                _upsert(connection, name)
        connection.execute("drop schema load cascade")
        for name in LOAD_ORDER:
            table = sql.Identifier("app", name)
            moment = next((m for m in MOMENTS if m in kept_columns(name)), None)
            if moment is None:
                continue
            index = sql.Identifier(f"{name}_{moment}_id")
            connection.execute(
                sql.SQL("create index if not exists {} on {} ({}, id)").format(
                    index, table, sql.Identifier(moment)
                )
            )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("analyze")


def _upsert(connection: psycopg.Connection[Any], name: str) -> None:
    """Insert and update rows; where the table doesn't keep deletions, delete them."""
    table, load = sql.Identifier("app", name), sql.Identifier("load", name)
    kept = kept_columns(name)
    columns = sql.SQL(", ").join(map(sql.Identifier, kept))
    changes = sql.SQL(", ").join(
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column))
        for column in kept
        if column != "id"
    )
    is_kept = sql.SQL("true" if "deleted_at" in kept else "deleted_at is null")
    connection.execute(
        sql.SQL(
            "insert into {} ({}) select {} from {} where {} order by id "
            "on conflict (id) do update set {}"
        ).format(table, columns, columns, load, is_kept, changes)
    )
    connection.execute(
        sql.SQL("delete from {} where id in (select id from {} where not {})").format(
            table, load, is_kept
        )
    )


def open_stores(home: Path, clock: VirtualClock, vendors: Iterable[str]) -> dict[str, Any]:
    """The stores of these vendors."""
    return {
        vendor: import_module(f"sandbox.vendors.{vendor}.store").Store(home, clock)
        for vendor in vendors
    }


def _load_vendors(part: Slice, home: Path, clock: VirtualClock) -> None:
    stores = open_stores(home, clock, sorted({vendor for vendor, _ in part.records}))
    for (vendor, table), rows in part.records.items():
        if rows:
            stores[vendor].seed(table, _keep_written(stores[vendor].rows(table), rows))
    google = open_stores(home, clock, ["google"])["google"]
    spreadsheet = credentials.read(home)["google"]["spreadsheet_id"]
    google.seed_sheet(spreadsheet, SHEET_NAME, part.sheet)


def _keep_written(present: list[Row], rows: list[Row]) -> list[Row]:
    """The rows, with the fields that Headwater has written meanwhile left as they are."""
    held = {row.get("Id") or row.get("id"): row for row in present}
    kept = []
    for row in rows:
        before = held.get(row.get("Id") or row.get("id"))
        if before is None:
            kept.append(row)
        elif "properties" in row:
            properties = {**row["properties"], **_written(before.get("properties", {}))}
            kept.append({**row, "properties": properties})
        elif "attributes" in row and isinstance(row["attributes"], dict):
            owned = {"externalId": before["attributes"].get("externalId")}
            kept.append({**row, "attributes": {**row["attributes"], **owned}})
        else:
            kept.append({**row, **_written(before)})
    return kept


def _written(fields: Row) -> Row:
    return {k: v for k, v in fields.items() if k.startswith(WRITTEN_BY_HEADWATER)}


def append_events(home: Path, files: Iterable[tuple[date, bytes]]) -> None:
    """Append each gzip member to the file of its event day."""
    folder = home / "mixpanel" / "events" / str(credentials.PRODUCT_PROJECT_ID)
    folder.mkdir(parents=True, exist_ok=True)
    for day, member in files:
        with (folder / f"{day.isoformat()}.ndjson.gz").open("ab") as file:
            file.write(member)


def write_event_files(home: Path, part: Slice) -> None:
    """Write the website's files, as old as the slice: a reader tells new files by their age."""
    folder = home / EVENT_FILES
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in part.event_files:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(lines)
        os.utime(file, (part.until.timestamp(), part.until.timestamp()))
