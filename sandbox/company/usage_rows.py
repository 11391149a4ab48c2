"""The rows of ``usage_daily`` and ``overage_state``: how the app's database saw the usage."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

from sandbox.company.agents import Workspace
from sandbox.company.dice import Dice
from sandbox.company.orders import Ints
from sandbox.company.plans import METER_KIND, METERS
from sandbox.company.product_rows import table
from sandbox.company.product_schema import TABLES
from sandbox.company.timeline import (
    ALL_DAYS,
    DAY_MONTH,
    DAYS,
    EPOCH,
    MONTH_FIRST_DAY,
    MONTHS,
    START,
    at,
    day,
)
from sandbox.company.usage import CURRENT_MONTH, Usage
from sandbox.company.versions import Row

WRITTEN_AT = 85_800
"""Second of the day at which a day's row gets its final value: 23:50."""

CORRECTED_SHARE = 0.002
MISSED_BY_APP = 0.04
EXTENSION_SHARE = 0.1


def usage_daily(usage: Usage, workspaces: list[Workspace], seed: int) -> pa.Table:
    """All versions of ``usage_daily``: some rows are corrected on the next day."""
    rng = Dice(seed, "usage rows").rng
    ids = np.array([workspace.id for workspace in workspaces])
    planted = np.array([workspace.role is not None for workspace in workspaces])
    rows, days, meters, quantities = [], [], [], []
    for number, meter in enumerate(METERS):
        used = usage.used[meter]
        if METER_KIND[meter] == "stock":
            changed = np.diff(used, axis=1, prepend=0) != 0
            changed[:, MONTH_FIRST_DAY] |= used[:, MONTH_FIRST_DAY] > 0
            row, when = np.nonzero(changed)
        else:
            row, when = np.nonzero(used)
        rows.append(row)
        days.append(when)
        meters.append(np.full(len(row), number))
        quantities.append(used[row, when])
    row, when = np.concatenate(rows), np.concatenate(days)
    meter, quantity = np.concatenate(meters), np.concatenate(quantities)
    order = np.lexsort((meter, row, when))
    row, when, meter, quantity = row[order], when[order], meter[order], quantity[order]
    key = np.arange(1, len(row) + 1)
    written = EPOCH + when * 86_400 + WRITTEN_AT
    wrong = (rng.random(len(row)) < CORRECTED_SHARE) & ~planted[row] & (quantity > 1)
    first = np.where(wrong, quantity - 1, quantity)
    again = np.flatnonzero(wrong)
    return _usage_table(
        np.concatenate([key, key[again]]),
        ids[np.concatenate([row, row[again]])],
        np.concatenate([meter, meter[again]]),
        np.concatenate([when, when[again]]),
        np.concatenate([first, quantity[again]]),
        np.concatenate([written, written[again]]),
        np.concatenate([written, written[again] + 36_000]),
    )


def _usage_table(
    key: Ints,
    workspace: Ints,
    meter: Ints,
    when: Ints,
    quantity: Ints,
    created: Ints,
    updated: Ints,
) -> pa.Table:
    schema = TABLES["usage_daily"]
    time = schema.field("created_at").type
    first_day = (START.date() - date(1970, 1, 1)).days
    return pa.table(
        {
            "id": key,
            "workspace_id": workspace,
            "meter": pa.DictionaryArray.from_arrays(
                pa.array(meter.astype(np.int32)), pa.array(METERS)
            ).cast(pa.string()),
            "usage_date": pa.array((when + first_day).astype(np.int32)).cast(pa.date32()),
            "quantity": quantity,
            "created_at": pa.array(created * 1_000_000).cast(time),
            "updated_at": pa.array(updated * 1_000_000).cast(time),
            "deleted_at": pa.nulls(len(key), time),
        },
        schema=schema,
    )


def overage_state(usage: Usage, workspaces: list[Workspace], seed: int) -> pa.Table:
    """All versions of ``overage_state``: the app's own path, which misses a few cases."""
    dice = Dice(seed, "overage")
    found: list[tuple[int, int, str, int, int | None]] = []
    for meter in METERS:
        over = _over(usage, meter)
        for month in range(MONTHS):
            days = np.flatnonzero(month == DAY_MONTH)
            some = np.flatnonzero(over[:, days].any(axis=1))
            for row in some:
                begin = int(days[np.argmax(over[row, days])])
                back = days[(days > begin) & ~over[row, days]]
                end = int(back[0]) if len(back) else None
                found.append((begin, int(row), meter, month, end))
    found.sort()
    rows: list[Row] = []
    for begin, row, meter, month, end in found:
        workspace = workspaces[row]
        current = month == CURRENT_MONTH
        if workspace.role is None and dice.chance(MISSED_BY_APP):
            continue
        extended = workspace.role == "extension" and current
        if workspace.role is None and not current:
            extended = dice.chance(EXTENSION_SHARE)
        rows += _states(len(rows) + 1, workspace, meter, month, begin, end, extended)
    numbered = {}
    for state in rows:
        state["id"] = numbered.setdefault(state["id"], len(numbered) + 1)
    return table("overage_state", rows)


def _over(usage: Usage, meter: str) -> np.ndarray:  # type: ignore[type-arg]
    used = usage.used[meter]
    if METER_KIND[meter] == "flow":
        total = np.cumsum(used, axis=1)
        before = np.zeros_like(total)
        for first in MONTH_FIRST_DAY[1:]:
            before[:, first:] = total[:, first - 1][:, None]
        used = total - before
    with np.errstate(invalid="ignore"):
        return used > usage.included[meter]


def _states(
    key: int,
    workspace: Workspace,
    meter: str,
    month: int,
    begin: int,
    end: int | None,
    extended: bool,
) -> list[Row]:
    created = begin + WRITTEN_AT / 86_400
    row: Row = {
        "id": key,
        "workspace_id": workspace.id,
        "meter": meter,
        "period_start": day(int(MONTH_FIRST_DAY[month])),
        "state": "overage",
        "extension_until": None,
        "created_at": at(created),
        "updated_at": at(created),
    }
    rows = [row]
    if extended:
        granted = min(created + 1, DAYS - 0.5) if month == CURRENT_MONTH else created + 1
        until = max(DAYS, begin) + 9 if month == CURRENT_MONTH else granted + 7
        row = {**row, "extension_until": at(until), "updated_at": at(max(granted, created + 0.001))}
        rows.append(row)
    next_month = month + 1
    turns = int(MONTH_FIRST_DAY[next_month]) if next_month < MONTHS else ALL_DAYS
    cleared = turns + 0.004 if end is None else end + WRITTEN_AT / 86_400
    if cleared < ALL_DAYS:
        rows.append({**row, "state": "cleared", "updated_at": at(max(cleared, created + 2))})
    return rows
