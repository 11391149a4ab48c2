"""The streams of the product's PostgreSQL: one per table."""

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


def _table(name: str, contract: type[Contract]) -> Stream:
    return Stream(
        source="product",
        name=name,
        contract=contract,
        mode=Mode.MERGE,
        key=("id",),
        version=("updated_at",),
        cursor="updated_at",
        deletes=Deletes("soft deletes: deleted_at is set", at="deleted_at"),
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
)
