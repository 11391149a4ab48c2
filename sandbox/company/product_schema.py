"""The product's tables as Arrow schemas; ``schema.sql`` holds the same tables as DDL."""

from __future__ import annotations

import pyarrow as pa

_ID = ("id", pa.int64())
_TIME = pa.timestamp("us", tz="UTC")
_STAMPS = (("created_at", _TIME), ("updated_at", _TIME), ("deleted_at", _TIME))


def _schema(*columns: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([_ID, *columns, *_STAMPS])


TABLES: dict[str, pa.Schema] = {
    "users": _schema(
        ("email", pa.string()),
        ("email_verified_at", _TIME),
        ("full_name", pa.string()),
        ("title", pa.string()),
        ("country", pa.string()),
        ("signup_anonymous_id", pa.string()),
        ("heard_from", pa.string()),
        ("marketing_consent", pa.bool_()),
        ("sales_consent", pa.bool_()),
        ("is_staff", pa.bool_()),
    ),
    "organizations": _schema(
        ("name", pa.string()),
        ("verified_domain", pa.string()),
        ("billing_email", pa.string()),
        ("country", pa.string()),
        ("salesforce_account_id", pa.string()),
        ("created_by_user_id", pa.int64()),
    ),
    "workspaces": _schema(
        ("organization_id", pa.int64()),
        ("name", pa.string()),
        ("motion", pa.string()),
        ("is_test", pa.bool_()),
        ("created_by_user_id", pa.int64()),
    ),
    "memberships": _schema(
        ("workspace_id", pa.int64()),
        ("user_id", pa.int64()),
        ("role", pa.string()),
        ("invited_by_user_id", pa.int64()),
        ("joined_at", _TIME),
    ),
    "invites": _schema(
        ("workspace_id", pa.int64()),
        ("inviter_user_id", pa.int64()),
        ("email", pa.string()),
        ("status", pa.string()),
        ("accepted_user_id", pa.int64()),
        ("sent_at", _TIME),
        ("accepted_at", _TIME),
    ),
    "plans": _schema(
        ("code", pa.string()),
        ("name", pa.string()),
        ("tier_rank", pa.int64()),
        ("is_self_serve", pa.bool_()),
        ("monthly_price_cents", pa.int64()),
    ),
    "plan_entitlements": _schema(
        ("plan_code", pa.string()),
        ("meter", pa.string()),
        ("meter_kind", pa.string()),
        ("included", pa.int64()),
    ),
    "subscriptions": _schema(
        ("workspace_id", pa.int64()),
        ("plan_code", pa.string()),
        ("status", pa.string()),
        ("mrr_cents", pa.int64()),
        ("started_at", _TIME),
        ("ended_at", _TIME),
    ),
    "usage_daily": _schema(
        ("workspace_id", pa.int64()),
        ("meter", pa.string()),
        ("usage_date", pa.date32()),
        ("quantity", pa.int64()),
    ),
    "overage_state": _schema(
        ("workspace_id", pa.int64()),
        ("meter", pa.string()),
        ("period_start", pa.date32()),
        ("state", pa.string()),
        ("extension_until", _TIME),
    ),
    "group_orders": _schema(
        ("workspace_id", pa.int64()),
        ("organiser_user_id", pa.int64()),
        ("restaurant_id", pa.int64()),
        ("status", pa.string()),
        ("line_count", pa.int64()),
        ("total_cents", pa.int64()),
    ),
    "restaurants": _schema(
        ("name", pa.string()),
        ("website", pa.string()),
        ("city", pa.string()),
    ),
    "refunds": _schema(
        ("group_order_id", pa.int64()),
        ("amount_cents", pa.int64()),
        ("reason", pa.string()),
    ),
    "workspace_integrations": _schema(
        ("workspace_id", pa.int64()),
        ("provider", pa.string()),
        ("connected_by_user_id", pa.int64()),
    ),
}
"""In the order in which foreign keys allow to fill them up to restaurants before orders."""

NOT_KEPT: dict[str, frozenset[str]] = {
    "refunds": frozenset({"updated_at", "deleted_at"}),
    "workspace_integrations": frozenset({"created_at", "updated_at", "deleted_at"}),
}
"""Stamps that the world knows and the product doesn't keep; rows of these tables are deleted
physically."""


def kept_columns(name: str) -> list[str]:
    """The columns that a table has in the product's database."""
    return [column for column in TABLES[name].names if column not in NOT_KEPT.get(name, ())]
