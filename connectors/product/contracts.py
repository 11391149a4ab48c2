"""What the product's PostgreSQL holds (schema ``app``), one contract per table.

All tables have integer ids. Most have ``updated_at``, and their rows leave by ``deleted_at`` (soft
deletes); refunds never change, and integrations have no moments at all.
"""

from __future__ import annotations

from datetime import date, datetime

from connectors.contract import Contract, Pii, column

ID = "Primary key."
CREATED = "When the row was created, UTC."
UPDATED = "When the row last changed, UTC; the cursor."
DELETED = "When the row was soft-deleted, UTC; null while it lives."


class User(Contract):
    """One row per user of the product."""

    id: int = column("id", ID, pii=Pii.IDENTIFIER, about="user_id")
    email: str = column("email", "Sign-in address.", pii=Pii.CONTACT, about="email")
    email_verified_at: datetime | None = column("email_verified_at", "When it was verified, UTC.")
    full_name: str | None = column("full_name", "Name as typed.", pii=Pii.NAME)
    title: str | None = column("title", "Job title as typed.")
    country: str | None = column("country", "ISO 3166 two-letter country at signup.")
    signup_anonymous_id: str | None = column(
        "signup_anonymous_id",
        "Device id that the browser or app sent at signup.",
        pii=Pii.IDENTIFIER,
        mentions="anonymous_id",
    )
    heard_from: str | None = column("heard_from", "Self-reported source at signup.")
    marketing_consent: bool = column("marketing_consent", "May receive marketing mail.")
    sales_consent: bool = column("sales_consent", "May be contacted by sales.")
    is_staff: bool = column("is_staff", "Works for GroupGrub.")
    created_at: datetime = column("created_at", CREATED)
    updated_at: datetime = column("updated_at", UPDATED)
    deleted_at: datetime | None = column("deleted_at", DELETED)


class Organization(Contract):
    """One row per customer organization; it owns workspaces."""

    id: int = column("id", ID)
    name: str = column("name", "Name as typed.")
    verified_domain: str | None = column("verified_domain", "Domain proven by SSO or DNS.")
    billing_email: str | None = column(
        "billing_email", "Billing contact.", pii=Pii.CONTACT, mentions="email"
    )
    country: str | None = column("country", "ISO 3166 two-letter country.")
    salesforce_account_id: str | None = column(
        "salesforce_account_id", "Account id entered by sales operations; 15 or 18 characters."
    )
    created_by_user_id: int | None = column(
        "created_by_user_id", "Creator.", pii=Pii.IDENTIFIER, mentions="user_id"
    )
    created_at: datetime = column("created_at", CREATED)
    updated_at: datetime = column("updated_at", UPDATED)
    deleted_at: datetime | None = column("deleted_at", DELETED)


class Workspace(Contract):
    """One row per workspace (an office or team of an organization)."""

    id: int = column("id", ID)
    organization_id: int = column("organization_id", "Owner.")
    name: str = column("name", "Name as typed.")
    motion: str = column("motion", "self_serve or sales_assisted.")
    is_test: bool = column("is_test", "Made by automated tests.")
    created_by_user_id: int | None = column(
        "created_by_user_id", "Creator.", pii=Pii.IDENTIFIER, mentions="user_id"
    )
    created_at: datetime = column("created_at", CREATED)
    updated_at: datetime = column("updated_at", UPDATED)
    deleted_at: datetime | None = column("deleted_at", DELETED)


class Membership(Contract):
    """One row per user and workspace."""

    id: int = column("id", ID)
    workspace_id: int = column("workspace_id", "Workspace.")
    user_id: int = column("user_id", "Member.", pii=Pii.IDENTIFIER, about="user_id")
    role: str = column("role", "admin, organiser, member or guest.")
    invited_by_user_id: int | None = column(
        "invited_by_user_id", "Inviter.", pii=Pii.IDENTIFIER, mentions="user_id"
    )
    joined_at: datetime = column("joined_at", "When the user joined, UTC.")
    created_at: datetime = column("created_at", CREATED)
    updated_at: datetime = column("updated_at", UPDATED)
    deleted_at: datetime | None = column("deleted_at", "When the user left, UTC.")


class Invite(Contract):
    """One row per invitation to a workspace."""

    id: int = column("id", ID)
    workspace_id: int = column("workspace_id", "Workspace.")
    inviter_user_id: int = column(
        "inviter_user_id", "Who invited.", pii=Pii.IDENTIFIER, mentions="user_id"
    )
    email: str = column("email", "Invited address.", pii=Pii.CONTACT, about="email")
    status: str = column("status", "sent, accepted or expired.")
    accepted_user_id: int | None = column(
        "accepted_user_id", "Who joined.", pii=Pii.IDENTIFIER, about="user_id"
    )
    sent_at: datetime = column("sent_at", "When it was sent, UTC.")
    accepted_at: datetime | None = column("accepted_at", "When it was accepted, UTC.")
    created_at: datetime = column("created_at", CREATED)
    updated_at: datetime = column("updated_at", UPDATED)
    deleted_at: datetime | None = column("deleted_at", DELETED)


class Plan(Contract):
    """One row per plan on the price list."""

    id: int = column("id", ID)
    code: str = column("code", "free, team, business or enterprise.")
    name: str = column("name", "Display name.")
    tier_rank: int = column("tier_rank", "0 for the smallest plan, rising.")
    is_self_serve: bool = column("is_self_serve", "Can be bought without sales.")
    monthly_price_cents: int | None = column("monthly_price_cents", "List price, USD cents.")
    created_at: datetime = column("created_at", CREATED)
    updated_at: datetime = column("updated_at", UPDATED)
    deleted_at: datetime | None = column("deleted_at", DELETED)


class PlanEntitlement(Contract):
    """One row per plan and meter: what the plan includes."""

    id: int = column("id", ID)
    plan_code: str = column("plan_code", "Plan.")
    meter: str = column("meter", "order_lines (flow), member_profiles (stock), api_calls (flow).")
    meter_kind: str = column("meter_kind", "flow (resets each month) or stock.")
    included: int | None = column("included", "Units included per period; null is unlimited.")
    created_at: datetime = column("created_at", CREATED)
    updated_at: datetime = column("updated_at", UPDATED)
    deleted_at: datetime | None = column("deleted_at", DELETED)


class Subscription(Contract):
    """One row per workspace and stretch of time on one plan."""

    id: int = column("id", ID)
    workspace_id: int = column("workspace_id", "Workspace.")
    plan_code: str = column("plan_code", "Plan.")
    status: str = column("status", "active, canceled or past_due.")
    mrr_cents: int = column("mrr_cents", "Monthly recurring revenue, USD cents.")
    started_at: datetime = column("started_at", "First moment on this plan, UTC.")
    ended_at: datetime | None = column("ended_at", "First moment no longer on it, UTC.")
    created_at: datetime = column("created_at", CREATED)
    updated_at: datetime = column("updated_at", UPDATED)
    deleted_at: datetime | None = column("deleted_at", DELETED)


class UsageDaily(Contract):
    """One row per workspace, meter and day."""

    id: int = column("id", ID)
    workspace_id: int = column("workspace_id", "Workspace.")
    meter: str = column("meter", "Which meter.")
    usage_date: date = column("usage_date", "UTC day.")
    quantity: int = column("quantity", "Units used that day (flow) or held at its end (stock).")
    created_at: datetime = column("created_at", CREATED)
    updated_at: datetime = column("updated_at", UPDATED)
    deleted_at: datetime | None = column("deleted_at", DELETED)


class OverageState(Contract):
    """One row per workspace, meter and month in which the app saw overage (the app's own path)."""

    id: int = column("id", ID)
    workspace_id: int = column("workspace_id", "Workspace.")
    meter: str = column("meter", "Which meter.")
    period_start: date = column("period_start", "First day of the month.")
    state: str = column("state", "overage or cleared.")
    extension_until: datetime | None = column("extension_until", "Grace granted until, UTC.")
    created_at: datetime = column("created_at", CREATED)
    updated_at: datetime = column("updated_at", UPDATED)
    deleted_at: datetime | None = column("deleted_at", DELETED)


class GroupOrder(Contract):
    """One row per group order."""

    id: int = column("id", ID)
    workspace_id: int = column("workspace_id", "Workspace.")
    organiser_user_id: int = column(
        "organiser_user_id", "Organiser.", pii=Pii.IDENTIFIER, mentions="user_id"
    )
    restaurant_id: int | None = column("restaurant_id", "Restaurant.")
    status: str = column("status", "open, placed, delivered or cancelled.")
    line_count: int = column("line_count", "Order lines.")
    total_cents: int = column("total_cents", "Value, USD cents.")
    created_at: datetime = column("created_at", CREATED)
    updated_at: datetime = column("updated_at", UPDATED)
    deleted_at: datetime | None = column("deleted_at", DELETED)


class Restaurant(Contract):
    """One row per restaurant on the supply side."""

    id: int = column("id", ID)
    name: str = column("name", "Name.")
    website: str | None = column("website", "Website as typed.")
    city: str | None = column("city", "City.")
    created_at: datetime = column("created_at", CREATED)
    updated_at: datetime = column("updated_at", UPDATED)
    deleted_at: datetime | None = column("deleted_at", DELETED)


class Refund(Contract):
    """One row per refund of a group order, in full or in part. Refunds never change."""

    id: int = column("id", ID)
    group_order_id: int = column("group_order_id", "Order.")
    amount_cents: int = column("amount_cents", "Amount, USD cents.")
    reason: str = column("reason", "late, missing_items, wrong_order or quality.")
    created_at: datetime = column("created_at", "When it was granted, UTC; the cursor.")


class WorkspaceIntegration(Contract):
    """One row per workspace and tool that it is connected to; gone once it is disconnected."""

    id: int = column("id", ID)
    workspace_id: int = column("workspace_id", "Workspace.")
    provider: str = column("provider", "slack, teams, hris or sso.")
    connected_by_user_id: int | None = column(
        "connected_by_user_id", "Who connected it.", pii=Pii.IDENTIFIER, mentions="user_id"
    )
