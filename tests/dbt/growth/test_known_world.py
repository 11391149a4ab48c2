"""Every figure of the small world against what its maker knows by hand."""

from __future__ import annotations

from datetime import date, datetime

import duckdb
import pytest

from tests.dbt.growth.known_world import TEAMS, sfdc_account_id, user_id, workspace_id

Warehouse = duckdb.DuckDBPyConnection

EXCLUDED = {
    ("aud_base_workspaces", "not_internal"): {"9000"},
    ("aud_base_workspaces", "not_test"): {"9001"},
    ("aud_base_workspaces", "not_deleted"): {"9002"},
    ("aud_overage_self_serve", "self_serve"): {"Maple"},
    ("aud_overage_self_serve", "in_overage"): {"Nutmeg", "Oak"},
    ("aud_overage_self_serve", "no_extension"): {"Kapok"},
    ("aud_overage_no_sales", "no_active_opportunity"): {"Dogwood", "Elm", "Palm"},
    ("aud_overage_no_sales", "not_excluded"): {"Ginkgo", "Hazel", "Ivy"},
    ("aud_overage_no_sales", "admin_consents"): {"Larch"},
    ("aud_overage_high_usage", "high_usage"): {"Birch", "Fir", "Juniper"},
    ("aud_overage_high_usage", "good_fit"): {"Cedar"},
}


def _workspaces(teams: set[str]) -> set[str]:
    return {workspace_id(team) if team in TEAMS.values() else team for team in teams}


def _column(warehouse: Warehouse, sql: str) -> list[object]:
    return [row[0] for row in warehouse.execute(sql).fetchall()]


def test_each_team_leaves_the_chain_where_it_should(known: Warehouse) -> None:
    log = known.execute("select audience, predicate, workspace_id from marts.aud_exclusion_log")
    found: dict[tuple[str, str], set[str]] = {}
    for audience, predicate, workspace in log.fetchall():
        found.setdefault((audience, predicate), set()).add(workspace)
    assert found == {edge: _workspaces(teams) for edge, teams in EXCLUDED.items()}


@pytest.mark.parametrize(
    ("audience", "members"),
    [
        ("aud_base_workspaces", set(TEAMS.values())),
        ("aud_overage_self_serve", set(TEAMS.values()) - {"Maple", "Nutmeg", "Oak", "Kapok"}),
        ("aud_overage_no_sales", {"Alder", "Birch", "Cedar", "Fir", "Juniper"}),
        ("aud_overage_high_usage", {"Alder"}),
    ],
)
def test_members_of_each_audience(known: Warehouse, audience: str, members: set[str]) -> None:
    found = _column(known, f"select workspace_id from marts.{audience}")
    assert sorted(map(str, found)) == sorted(_workspaces(members))


def test_lines_of_the_sheet_that_need_a_person(known: Warehouse) -> None:
    found = known.execute(
        "select row_number, reason from marts.exclusions_unresolved order by row_number"
    ).fetchall()
    assert [row[0] for row in found] == [6, 7, 8, 9]
    assert "99999999" in found[0][1]
    assert "expiry" in found[2][1]


def test_value_moments_count_strictly_inside_their_window(known: Warehouse) -> None:
    found = known.execute(
        "select accounts.sfdc_account_id, moment_id, reached_at, occurrences, "
        "len(evidence_event_ids) from marts.fct_value_moments "
        "join marts.dim_accounts as accounts using (account_key) order by moment_id"
    ).fetchall()
    assert found == [
        (sfdc_account_id("Alder"), "orders_shared", datetime(2025, 3, 5, 10), 3, 2),
        (sfdc_account_id("Fir"), "slack_connected", datetime(2025, 3, 8, 11, 59), 1, 1),
    ]


def test_pqls_and_since_when(known: Warehouse) -> None:
    found = known.execute(
        "select accounts.sfdc_account_id, pql_id, evidence_since from marts.fct_pqls "
        "join marts.dim_accounts as accounts using (account_key) order by 1, 2"
    ).fetchall()
    near_cap = datetime(2025, 8, 5)
    cap = ("Alder", "Birch", "Fir", "Juniper", "Kapok", "Larch")
    assert found == sorted(
        [(sfdc_account_id(team), "cap", near_cap) for team in cap]
        + [(sfdc_account_id("Alder"), "usage", datetime(2025, 3, 5, 10))]
    )


def test_usage_of_flow_and_stock(known: Warehouse) -> None:
    found = known.execute(
        "select meter, period_start, used, included, overage_units, state, overage_since "
        "from marts.fct_usage_periods where workspace_id = ? order by meter, period_start",
        [workspace_id("Alder")],
    ).fetchall()
    july, august = date(2025, 7, 1), date(2025, 8, 1)
    assert found == [
        ("member_profiles", august, 10, 15, 0, "ok", None),
        ("order_lines", july, 9, 60, 0, "ok", None),
        ("order_lines", august, 96, 60, 36, "overage", date(2025, 8, 5)),
    ]


def test_an_unknown_plan_is_never_overage_and_is_listed(known: Warehouse) -> None:
    oak = workspace_id("Oak")
    states = _column(
        known, f"select distinct state from marts.fct_usage_periods where workspace_id = '{oak}'"
    )
    assert states == ["unknown_plan"]
    listed = _column(known, "select distinct workspace_id from marts.usage_unknown_plans")
    assert listed == [oak]


def test_app_and_warehouse_are_reconciled(known: Warehouse) -> None:
    found = known.execute(
        "select status, workspace_id from marts.mart_overage_reconciliation where status <> 'agree'"
    ).fetchall()
    assert sorted(found) == [
        ("app_only", workspace_id("Oak")),
        ("warehouse_only", workspace_id("Birch")),
    ]


def test_signups_become_leads_unless_sales_knows_them(known: Warehouse) -> None:
    found = set(_column(known, "select user_id from activation.salesforce__signup_leads"))
    teams = {user_id(team) for team in TEAMS.values()} - {user_id("Birch"), user_id("Cedar")}
    assert found == teams | {"20001", "30002"}
    names = known.execute(
        "select first_name, last_name, company from activation.salesforce__signup_leads "
        "where user_id = '20001'"
    ).fetchone()
    assert names == (None, "Bo", "Alder Works")


def test_a_lead_gets_the_user_and_keeps_what_it_has(known: Warehouse) -> None:
    found = known.execute(
        "select user_id, organization_id, current_user_id, icp_tier, is_pql "
        "from activation.salesforce__lead_scores order by user_id"
    ).fetchall()
    assert found == [
        (user_id("Birch"), "102", None, "A", True),
        (user_id("Fir"), "106", user_id("Fir"), "A", True),
    ]


def test_what_each_destination_is_offered(known: Warehouse) -> None:
    campaign = _column(known, "select email from activation.hubspot__overage_campaign order by 1")
    assert campaign == [
        f"ada@{team}-works.com" for team in ("alder", "birch", "cedar", "fir", "juniper")
    ]
    assert _column(known, "select email from activation.outreach__prospects") == [
        "ada@alder-works.com"
    ]
    task = known.execute(
        "select workspace_id, due_at, note from activation.outreach__sdr_tasks"
    ).fetchall()
    assert [row[:2] for row in task] == [(workspace_id("Alder"), datetime(2025, 9, 1))]
    assert "96 of 60 order lines" in task[0][2]
    banners = known.execute(
        "select used, included, period_end from activation.product__in_app_banners "
        "where workspace_id = ?",
        [workspace_id("Alder")],
    ).fetchall()
    assert banners == [(96, 60, date(2025, 9, 1))]


def test_exported_events_carry_the_account_and_no_address(known: Warehouse) -> None:
    found = known.execute("select * from activation.mixpanel__account_events").fetchall()
    assert len(found) == 2
    names = [column[0] for column in known.description or []]
    for row in found:
        event = dict(zip(names, row, strict=True))
        assert event["distinct_id"] == sfdc_account_id("Alder")
        assert event["event"] == "Group Order Placed"
        assert len(event["insert_id"]) <= 36
        assert "@" not in str(row)


def test_reasons_fit_their_fields_and_end_at_a_reason(known: Warehouse) -> None:
    found = known.execute(
        "select icp_reasons, pql_reasons from marts.account_qualifications"
    ).fetchall()
    texts = [text for row in found for text in row if text is not None]
    assert texts
    assert max(map(len, texts)) <= 255
    assert any("Core industry (Software) +30" in text for text in texts)
