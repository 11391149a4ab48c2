"""The streams of the product's PostgreSQL: one per table.

A table whose rows change and carry ``updated_at`` is merged; one whose rows never change is
appended along ``created_at``; a small one without any moment is read whole.
"""

from __future__ import annotations

from datetime import timedelta

from connectors.contract import Contract
from connectors.product import contracts
from connectors.stream import Deletes, Mode, Overlap, Stream

OVERLAP = Overlap(
    timedelta(minutes=15),
    "updated_at is the start of the transaction that wrote it, not its commit: a row of a long "
    "transaction appears behind the newest one already read. The product's statement timeout "
    "keeps transactions well under 15 minutes.",
)

BY_KEYS = (
    "physical deletes: all keys are compared every PRODUCT_KEY_CHECK_HOURS, and rows that are not "
    "among them are gone"
)


def _table(name: str, contract: type[Contract]) -> Stream:
    return Stream(
        source="product",
        name=name,
        contract=contract,
        mode=Mode.MERGE,
        key=("id",),
        version=("updated_at",),
        cursor="updated_at",
        deletes=Deletes(f"soft deletes: deleted_at is set; {BY_KEYS}", at="deleted_at"),
        overlap=OVERLAP,
    )


STREAMS = (
    _table("users", contracts.User),
    _table("organizations", contracts.Organization),
    _table("workspaces", contracts.Workspace),
    _table("memberships", contracts.Membership),
    _table("invites", contracts.Invite),
    _table("plans", contracts.Plan),
    _table("plan_entitlements", contracts.PlanEntitlement),
    _table("subscriptions", contracts.Subscription),
    _table("usage_daily", contracts.UsageDaily),
    _table("overage_state", contracts.OverageState),
    _table("group_orders", contracts.GroupOrder),
    _table("restaurants", contracts.Restaurant),
    Stream(
        source="product",
        name="refunds",
        contract=contracts.Refund,
        mode=Mode.APPEND,
        key=("id",),
        version=("created_at",),
        cursor="created_at",
        deletes=Deletes(BY_KEYS),
        overlap=OVERLAP,
    ),
    Stream(
        source="product",
        name="workspace_integrations",
        contract=contracts.WorkspaceIntegration,
        mode=Mode.SNAPSHOT,
        key=("id",),
        version=(),
        cursor="none",
        deletes=Deletes("rows that the whole table no longer holds"),
    ),
)
