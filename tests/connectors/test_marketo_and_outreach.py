"""The demo company's Marketo and Outreach over days: the tables become what the vendors hold."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from connectors.run import run_source
from headwater.clock import FixedClock
from headwater.settings import Settings
from headwater.warehouse import connect
from sandbox.company.marketo import SET_UP
from sandbox.company.timeline import DAYS, START, at, day
from sandbox.company.world import simulate
from tests.connectors.conftest import Served


def test_tables_follow_the_vendors_over_days(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marketo, outreach = served.credentials["marketo"], served.credentials["outreach"]
    for name in ("client_id", "client_secret", "munchkin_id"):
        monkeypatch.setenv(f"MARKETO_{name.upper()}", marketo[name])
    for name in ("client_id", "client_secret", "refresh_token"):
        monkeypatch.setenv(f"OUTREACH_{name.upper()}", outreach[name])
    monkeypatch.setenv("MARKETO_BASE_URL", f"{served.url}/marketo")
    monkeypatch.setenv("OUTREACH_BASE_URL", f"{served.url}/outreach")
    monkeypatch.setenv("MARKETO_START", day(SET_UP).isoformat())
    monkeypatch.setenv("MARKETO_BULK_POLL_SECONDS", "0.01")
    served.stores["marketo"].export_step_seconds = 0
    settings = Settings(home=tmp_path / "var", history_start=START.date())
    world = simulate("xs", 7)
    ends = (-100_000.0, float(DAYS), DAYS + 1.0, DAYS + 8.0)
    for start, end in pairwise(ends):
        served.clock.set(at(end))
        for (vendor, table), rows in world.records(start, end).items():
            if vendor in {"marketo", "outreach"}:
                served.stores[vendor].seed(table, rows)
        for source in ("marketo", "outreach"):
            results = run_source(source, settings, FixedClock(at(end)), "cycle")
            assert sum(result.quarantined for result in results) == 0
    _expect(settings, served)


def _expect(settings: Settings, served: Served) -> None:
    def living(table: str, *columns: str) -> set[tuple[Any, ...]]:
        with connect(settings, read_only=True) as connection:
            return set(
                connection.execute(
                    f"select {', '.join(columns)} from {table} where _deleted_at is null"
                ).fetchall()
            )

    marketo, outreach = served.stores["marketo"], served.stores["outreach"]
    assert living("raw_marketo.leads", "id", "lead_score", "title") == {
        (row["id"], row["leadScore"], row["title"]) for row in marketo.rows("leads")
    }
    assert living("raw_marketo.program_members", "program_id", "lead_id", "status") == {
        (row["programId"], row["leadId"], row["statusName"])
        for row in marketo.rows("program_members")
    }
    log = marketo.rows("activities")
    assert living("raw_marketo.activities", "marketo_guid") == {
        (row["marketoGUID"],) for row in log if row["activityTypeId"] not in {13, 32, 37}
    }
    assert living("raw_marketo.lead_merges", "marketo_guid") == {
        (row["marketoGUID"],) for row in log if row["activityTypeId"] == 32
    }
    assert living("raw_marketo.programs", "id") == {(r["id"],) for r in marketo.rows("programs")}
    held = outreach.rows("prospects")
    assert living("raw_outreach.prospect_ids", "id") == {(row["id"],) for row in held}
    assert living("raw_outreach.prospects", "id") >= {
        (row["id"],) for row in held if not row["attributes"].get("trashedAt")
    }
    for table, plural in (("mailings", "mailings"), ("sequence_states", "sequenceStates")):
        assert living(f"raw_outreach.{table}", "id", "state") == {
            (row["id"], row["attributes"]["state"]) for row in outreach.rows(plural)
        }
    assert living("raw_outreach.tasks", "id", "completed") == {
        (row["id"], row["attributes"]["completed"]) for row in outreach.rows("tasks")
    }
