"""Tables of the product that keep fewer stamps than the others: refunds, and integrations of
workspaces with other tools. Their rows are deleted physically.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from sandbox.company.agents import ProductLife
from sandbox.company.dice import Dice
from sandbox.company.product_schema import TABLES
from sandbox.company.timeline import EPOCH, HORIZON, at
from sandbox.company.versions import Row, VersionLog

REFUNDED_SHARE = 0.012
MISBOOKED_SHARE = 0.03
REASONS = ("late", "missing_items", "wrong_order", "quality")
DISCONNECTED_SHARE = 0.08
PROVIDERS_OF_BIG_PLANS = ("teams", "hris", "sso")


def refunds(orders: pa.Table, seed: int) -> pa.Table:
    """All versions of all refunds of delivered ``orders``; some were booked in error and removed
    again."""
    rng = Dice(seed, "refunds").rng
    delivered = np.flatnonzero(orders["status"].to_numpy(zero_copy_only=False) == "delivered")
    chosen = delivered[rng.random(len(delivered)) < REFUNDED_SHARE]
    closed = orders["updated_at"].cast(pa.int64()).to_numpy()[chosen] // 1_000_000
    granted = closed + rng.integers(1_800, 3 * 86_400, len(chosen))
    share = np.where(rng.random(len(chosen)) < 0.4, 1.0, rng.uniform(0.1, 0.6, len(chosen)))
    total = orders["total_cents"].to_numpy()[chosen]
    reason = rng.integers(0, len(REASONS), len(chosen))
    removed = np.where(
        rng.random(len(chosen)) < MISBOOKED_SHARE,
        granted + rng.integers(7_200, 9 * 86_400, len(chosen)),
        0,
    )
    end = EPOCH + int(HORIZON * 86_400)
    by_time = np.lexsort((chosen, granted))
    rows: list[Row] = []
    for number, place in enumerate(by_time[granted[by_time] < end], start=1):
        created = _moment(int(granted[place]))
        row: Row = {
            "id": number,
            "group_order_id": int(orders["id"][int(chosen[place])].as_py()),
            "amount_cents": max(1, int(total[place] * share[place])),
            "reason": REASONS[reason[place]],
            "created_at": created,
            "updated_at": created,
        }
        rows.append(row)
        if granted[place] < removed[place] < end:
            gone = _moment(int(removed[place]))
            rows.append({**row, "updated_at": gone, "deleted_at": gone})
    return pa.Table.from_pylist(rows, schema=TABLES["refunds"])


def integrations(life: ProductLife, seed: int) -> pa.Table:
    """All versions of all integrations: Slack where it was connected, and more on bigger plans."""
    dice = Dice(seed, "integrations")
    found: dict[tuple[int, str], tuple[float, int]] = {}
    deleted = {workspace.id: workspace.deleted for workspace in life.workspaces}
    for action in life.actions:
        workspace_id = action.workspace.id if action.workspace else 0
        if action.event == "Slack Connected" and workspace_id in deleted:
            key = (workspace_id, "slack")
            user = action.user.id if action.user else 0
            found[key] = min(found.get(key, (action.t, user)), (action.t, user))
    for workspace in life.workspaces:
        for stretch in workspace.stretches:
            if stretch.plan in {"business", "enterprise"} and dice.chance(0.35):
                key = (workspace.id, dice.pick(PROVIDERS_OF_BIG_PLANS))
                found.setdefault(key, (stretch.start + dice.between(1, 30), workspace.creator.id))
    log = VersionLog(_stamp)
    ordered = sorted(found.items(), key=lambda item: (item[1][0], item[0]))
    for number, ((workspace_id, provider), (t, user_id)) in enumerate(ordered, start=1):
        row = {
            "id": number,
            "workspace_id": workspace_id,
            "provider": provider,
            "connected_by_user_id": user_id or None,
        }
        log.put(number, t, row)
        ends = [
            end
            for end in (
                t + dice.between(10, 120) if dice.chance(DISCONNECTED_SHARE) else None,
                deleted[workspace_id],
            )
            if end is not None
        ]
        if ends and min(ends) < HORIZON:
            log.change(number, min(ends), deleted_at=at(min(ends)))
    return pa.Table.from_pylist(list(log.versions()), schema=TABLES["workspace_integrations"])


def _stamp(row: Row, t: float) -> None:
    row.setdefault("created_at", at(t))
    row["updated_at"] = at(t)


def _moment(seconds: int) -> object:
    return at((seconds - EPOCH) / 86_400)
