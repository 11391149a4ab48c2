"""Metamorphic: companies that have nothing to do with the known ones change none of their rows."""

from __future__ import annotations

import duckdb
import pytest

from tests.dbt.growth.known_world import TEAMS, sfdc_account_id, workspace_id

ACCOUNTS = [sfdc_account_id(team) for team in TEAMS.values()]
WORKSPACES = [workspace_id(team) for team in TEAMS.values()]
BY_ACCOUNT = (
    "account_key in (select account_key from marts.dim_accounts where sfdc_account_id = any(?))"
)
BY_WORKSPACE = "workspace_id = any(?)"


@pytest.mark.parametrize(
    ("model", "condition", "keys"),
    [
        ("marts.fct_icp_scores", BY_ACCOUNT, ACCOUNTS),
        ("marts.fct_value_moments", BY_ACCOUNT, ACCOUNTS),
        ("marts.fct_pqls", BY_ACCOUNT, ACCOUNTS),
        ("marts.fct_usage_periods", BY_WORKSPACE, WORKSPACES),
        ("marts.aud_base_workspaces", BY_WORKSPACE, WORKSPACES),
        ("marts.aud_exclusion_log", BY_WORKSPACE, WORKSPACES),
        ("activation.salesforce__account_scores", "sfdc_account_id = any(?)", ACCOUNTS),
        ("activation.launchdarkly__paywall", BY_WORKSPACE, WORKSPACES),
        ("activation.product__in_app_banners", BY_WORKSPACE, WORKSPACES),
        ("activation.outreach__sdr_tasks", BY_WORKSPACE, WORKSPACES),
        ("activation.mixpanel__account_events", BY_WORKSPACE, WORKSPACES),
    ],
)
def test_rows_are_the_same(
    known: duckdb.DuckDBPyConnection,
    crowded: duckdb.DuckDBPyConnection,
    model: str,
    condition: str,
    keys: list[str],
) -> None:
    sql = f"select * from {model} where {condition} order by all"
    alone = known.execute(sql, [keys]).fetchall()
    assert alone
    assert crowded.execute(sql, [keys]).fetchall() == alone
