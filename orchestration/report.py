"""What happened in a cycle, read from the warehouse and from the syncs' own books."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

from headwater.settings import Settings
from headwater.warehouse import connect, quote
from syncs import history
from syncs.registry import definitions

Row = dict[str, Any]
Report = dict[str, Any]
PQLS_SHOWN = 3
SYNC_FIGURES = ("created", "updated", "removed", "adopted", "unchanged", "rejected", "owed",
                "calls", "least_calls", "status")  # fmt: skip
AUDIENCE_CHAIN = (
    "aud_base_workspaces",
    "aud_overage_self_serve",
    "aud_overage_no_sales",
    "aud_overage_high_usage",
)


def report(settings: Settings, cycle_id: str | None = None) -> Report:
    """The report of a cycle (the last one that landed anything, unless named).

    Sections are lists of rows: ``streams`` (rows per stream: ``source stream received landed
    duplicates quarantined tombstoned calls``), ``people``, ``accounts`` (``measure count``),
    ``icp_tiers`` (``tier accounts``), ``pqls`` (three accounts with all their definitions and
    reasons), ``audiences`` (``audience workspaces excluded``), ``syncs`` (one row per sync that
    ran). A section whose model is not built yet is null.
    """
    with connect(settings, read_only=True) as connection:
        cycle_id = cycle_id or _last_cycle(connection)
        tables = {
            (schema, name)
            for schema, name in connection.execute(
                "select table_schema, table_name from information_schema.tables"
            ).fetchall()
        }
        asked = _Asked(connection, tables)
        found: Report = {
            "cycle_id": cycle_id,
            "streams": _streams(asked, settings, cycle_id),
            "people": asked.rows(_PEOPLE, "dim_people", "person_identifiers"),
            "accounts": asked.rows(_ACCOUNTS, "dim_accounts"),
            "icp_tiers": asked.rows(_TIERS, "fct_icp_scores"),
            "pqls": _pqls(asked),
            "audiences": _audiences(asked),
        }
    found["syncs"] = _syncs(settings, cycle_id)
    return found


_PEOPLE = """
    select 'people' as measure, count(*) as count from marts.dim_people where not is_anonymous
    union all select 'unknown visitors', count(*) from marts.dim_people where is_anonymous
    union all select 'identifiers', count(*) from marts.person_identifiers
    union all select 'with a product user', count(user_id) from marts.dim_people
    union all select 'in Salesforce', count(*) from marts.dim_people
        where sfdc_lead_id is not null or sfdc_contact_id is not null
    union all select 'product user and Salesforce', count(*) from marts.dim_people
        where user_id is not null
            and (sfdc_lead_id is not null or sfdc_contact_id is not null)
"""
_ACCOUNTS = """
    select 'accounts' as measure, count(*) as count from marts.dim_accounts
    union all select 'in Salesforce', count(sfdc_account_id) from marts.dim_accounts
    union all select 'customers', count(*) from marts.dim_accounts where is_customer
"""
_TIERS = "select tier, count(*) as accounts from marts.fct_icp_scores group by tier order by tier"


class _Asked:
    """Questions to the warehouse, answered only where the tables are there."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, tables: set[tuple[str, str]]) -> None:
        self._connection = connection
        self._tables = tables

    def rows(
        self, query: str, *needs: str, schema: str = "marts", parameters: list[Any] | None = None
    ) -> list[Row] | None:
        """The rows of ``query`` as dicts; null if a table it needs is not built yet."""
        if any((schema, name) not in self._tables for name in needs):
            return None
        cursor = self._connection.execute(query, parameters or [])
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _last_cycle(connection: duckdb.DuckDBPyConnection) -> str | None:
    row = connection.execute(
        "select cycle_id from landing.loads where coalesce(lane, 'cycle') = 'cycle' "
        "order by landed_at desc, load_id desc limit 1"
    ).fetchone()
    return str(row[0]) if row else None


def _streams(asked: _Asked, settings: Settings, cycle_id: str | None) -> list[Row] | None:
    rows = asked.rows(
        """
        select source, stream, load_id, received, landed, duplicates, quarantined, tombstoned
        from landing.loads
        where cycle_id = ?
        order by source, stream, load_id
        """,
        "loads",
        schema="landing",
        parameters=[cycle_id],
    )
    for row in rows or []:
        folder = settings.landing_zone / row["source"] / row["stream"] / row.pop("load_id")
        row["calls"] = _calls(folder / "manifest.json")
    return rows


def _calls(manifest: Path) -> int | None:
    """Calls of the extraction, as its manifest says; null if the landing zone was cleared."""
    if not manifest.exists():
        return None
    calls = json.loads(manifest.read_text(encoding="utf-8")).get("calls")
    return int(calls) if calls is not None else None


def _pqls(asked: _Asked) -> Row | None:
    counts = asked.rows(
        "select pql_id, count(*) as accounts from marts.fct_pqls group by pql_id order by pql_id",
        "fct_pqls",
    )
    shown = asked.rows(
        """
        with shown as (
            select pqls.account_key, scores.score, scores.tier
            from marts.fct_pqls as pqls
            left join marts.fct_icp_scores as scores on scores.account_key = pqls.account_key
            group by all
            order by count(*) desc, scores.score desc, pqls.account_key
            limit ?
        )
        select accounts.account_name, pqls.pql_id, shown.tier, pqls.headline, pqls.reasons
        from shown
        inner join marts.fct_pqls as pqls on pqls.account_key = shown.account_key
        inner join marts.dim_accounts as accounts on accounts.account_key = shown.account_key
        order by shown.score desc, shown.account_key, pqls.pql_id
        """,
        "fct_pqls",
        "dim_accounts",
        "fct_icp_scores",
        parameters=[PQLS_SHOWN],
    )
    if counts is None or shown is None:
        return None
    for row in shown:
        row["reasons"] = json.loads(row["reasons"])
    return {"by_definition": counts, "shown": shown}


def _audiences(asked: _Asked) -> list[Row] | None:
    if asked.rows("select 1 limit 0", *AUDIENCE_CHAIN, "aud_exclusion_log") is None:
        return None
    rows: list[Row] = []
    for name in AUDIENCE_CHAIN:
        counted = asked.rows(f"from marts.{quote(name)} select count(*) as workspaces")
        rows += [{"audience": name, **row} for row in counted or []]
    reasons = asked.rows(
        """
        select audience, predicate, count(distinct workspace_id) as workspaces
        from marts.aud_exclusion_log
        group by audience, predicate
        order by audience, workspaces desc, predicate
        """
    )
    for row in rows:
        row["excluded"] = {
            reason["predicate"]: reason["workspaces"]
            for reason in reasons or []
            if reason["audience"] == row["audience"]
        }
    return rows


def _syncs(settings: Settings, cycle_id: str | None) -> list[Row]:
    found = []
    for item in definitions():
        run = history.last_run_of(item.name, settings, cycle_id)
        if run is not None:
            figures = {name: run[name] for name in SYNC_FIGURES} | {"reason": run["reason"] or ""}
            found.append({"sync": item.name, "destination": item.destination} | figures)
    return found
