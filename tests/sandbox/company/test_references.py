"""Every reference points at something, rows have the columns that connectors expect."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract import columns
from connectors.product import contracts as product_contracts
from connectors.salesforce import contracts as salesforce_contracts
from sandbox.company.product_schema import TABLES, kept_columns
from sandbox.company.world import World

CONTRACTS = {
    "users": product_contracts.User,
    "organizations": product_contracts.Organization,
    "workspaces": product_contracts.Workspace,
    "memberships": product_contracts.Membership,
    "invites": product_contracts.Invite,
    "plans": product_contracts.Plan,
    "plan_entitlements": product_contracts.PlanEntitlement,
    "subscriptions": product_contracts.Subscription,
    "usage_daily": product_contracts.UsageDaily,
    "overage_state": product_contracts.OverageState,
    "group_orders": product_contracts.GroupOrder,
    "restaurants": product_contracts.Restaurant,
    "refunds": product_contracts.Refund,
    "workspace_integrations": product_contracts.WorkspaceIntegration,
}
SALESFORCE = {
    "Account": salesforce_contracts.Account,
    "Lead": salesforce_contracts.Lead,
    "Contact": salesforce_contracts.Contact,
    "Opportunity": salesforce_contracts.Opportunity,
    "Task": salesforce_contracts.Task,
    "Campaign": salesforce_contracts.Campaign,
    "CampaignMember": salesforce_contracts.CampaignMember,
    "User": salesforce_contracts.User,
    "OpportunityHistory": salesforce_contracts.OpportunityHistory,
    "OpportunityFieldHistory": salesforce_contracts.OpportunityFieldHistory,
}
REFERENCES = [
    ("organizations", "created_by_user_id", "users"),
    ("workspaces", "organization_id", "organizations"),
    ("workspaces", "created_by_user_id", "users"),
    ("memberships", "workspace_id", "workspaces"),
    ("memberships", "user_id", "users"),
    ("invites", "inviter_user_id", "users"),
    ("invites", "accepted_user_id", "users"),
    ("subscriptions", "workspace_id", "workspaces"),
    ("usage_daily", "workspace_id", "workspaces"),
    ("overage_state", "workspace_id", "workspaces"),
    ("group_orders", "organiser_user_id", "users"),
    ("group_orders", "restaurant_id", "restaurants"),
    ("refunds", "group_order_id", "group_orders"),
    ("workspace_integrations", "workspace_id", "workspaces"),
    ("workspace_integrations", "connected_by_user_id", "users"),
]


@pytest.mark.parametrize("name", list(TABLES))
def test_product_columns_are_those_of_the_contract(name: str) -> None:
    assert kept_columns(name) == [column.name for column in columns(CONTRACTS[name])]


@pytest.mark.parametrize(("table", "column", "target"), REFERENCES)
def test_product_references_hold_at_the_first_cycle(
    world: World, table: str, column: str, target: str
) -> None:
    ids = set(world.product_rows(target, -1e5, 240.0)["id"].to_pylist())
    named = set(world.product_rows(table, -1e5, 240.0)[column].to_pylist()) - {None}
    assert named
    assert named <= ids


@pytest.mark.parametrize("name", list(SALESFORCE))
def test_salesforce_rows_have_the_fields_of_the_contract(world: World, name: str) -> None:
    for row in world.records(-1e5, 254.0)["salesforce", name]:
        missing = {column.path[0] for column in columns(SALESFORCE[name])} - row.keys()
        assert not missing


def test_salesforce_references_hold(world: World) -> None:
    records = world.records(-1e5, 240.0)
    ids = {name: {r["Id"] for r in records["salesforce", name]} for name in SALESFORCE}

    def check(name: str, field: str, *targets: str) -> None:
        known: set[Any] = {None}.union(*(ids[target] for target in targets))
        assert {row[field] for row in records["salesforce", name]} <= known, (name, field)

    check("Account", "ParentId", "Account")
    check("Account", "MasterRecordId", "Account")
    check("Account", "OwnerId", "User")
    check("Contact", "AccountId", "Account")
    check("Lead", "ConvertedAccountId", "Account")
    check("Lead", "ConvertedContactId", "Contact")
    check("Lead", "ConvertedOpportunityId", "Opportunity")
    check("Contact", "MasterRecordId", "Contact")
    check("Opportunity", "AccountId", "Account")
    check("OpportunityHistory", "OpportunityId", "Opportunity")
    check("OpportunityFieldHistory", "OpportunityId", "Opportunity")
    check("OpportunityFieldHistory", "CreatedById", "User")


def test_no_row_changes_before_it_is_created(world: World) -> None:
    for name in TABLES:
        rows = world.product[name]
        for created, updated in zip(
            rows["created_at"].to_pylist(), rows["updated_at"].to_pylist(), strict=True
        ):
            assert updated >= created, name
