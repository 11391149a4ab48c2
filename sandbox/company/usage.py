"""Usage of the three meters: one matrix of workspaces by days for each, drawn against the plan.

Ordinary workspaces stay under their plan; a few are over it in earlier months; those with a planted
role are over it in the month of the first cycle by the share that their role asks for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.company.agents import Member, Workspace
from sandbox.company.dice import Dice
from sandbox.company.plans import METERS, PLANS
from sandbox.company.timeline import ALL_DAYS, DAY_MONTH, DAY_WEEKDAY, DAYS, MONTHS

CURRENT_MONTH = int(DAY_MONTH[DAYS - 1])
LARGEST_ORDINARY_SHARE = 0.93
EARLIER_OVERAGE = 0.025
UNLIMITED_MEDIAN = {"order_lines": 1_200.0, "api_calls": 150_000.0}

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass
class Usage:
    """``used[meter]`` and ``included[meter]`` are matrices of workspaces (in their order) by days.

    ``used`` holds units a day for flows and units held for stocks; ``included`` is infinite where
    the plan is unlimited and NaN where it is unknown; ``over_meter`` is the planted meter or "".
    """

    used: dict[str, Ints]
    included: dict[str, Floats]
    over_meter: list[str]


def simulate(workspaces: list[Workspace], members: list[Member], seed: int) -> Usage:
    """Draw the usage of all workspaces for all days of the world."""
    rng = Dice(seed, "usage").rng
    included = _included(workspaces)
    over_meter = [_planted_meter(workspace) for workspace in workspaces]
    alive = _alive(workspaces)
    counts = _member_counts(workspaces, members)
    used = {}
    for meter in ("order_lines", "api_calls"):
        over = np.array([m == meter for m in over_meter])
        used[meter] = _flow(rng, meter, workspaces, included[meter], alive, over)
    over = np.array([m == "member_profiles" for m in over_meter])
    used["member_profiles"] = _stock(
        rng, workspaces, included["member_profiles"], alive, counts, over
    )
    return Usage(used, included, over_meter)


def _planted_meter(workspace: Workspace) -> str:
    role = workspace.role
    if role is None:
        return ""
    if role in {"crosses_tomorrow", "upgrades_tomorrow"}:
        return "order_lines"
    meters = ("order_lines",) * 7 + ("member_profiles",) * 2 + ("api_calls",)
    return meters[workspace.company.id % 10]


def _share(workspace: Workspace) -> float:
    """The planted share of the plan at the first cycle, spread evenly by company id."""
    spread = (workspace.company.id * 7919 % 97) / 97
    if workspace.role == "crosses_tomorrow":
        return 0.985
    if workspace.role == "upgrades_tomorrow" or (workspace.role or "").startswith("some_use"):
        return 1.06 + 0.3 * spread
    return 1.6 + spread


def _included(workspaces: list[Workspace]) -> dict[str, Floats]:
    included = {m: np.full((len(workspaces), ALL_DAYS), np.nan) for m in METERS}
    for row, workspace in enumerate(workspaces):
        for stretch in workspace.stretches:
            plan = PLANS.get(stretch.plan)
            for meter in METERS:
                quota = np.nan if plan is None else plan.included[meter]
                value = np.inf if quota is None else quota
                included[meter][row, int(stretch.start) :] = value
    return included


def _alive(workspaces: list[Workspace]) -> NDArray[np.bool_]:
    days = np.arange(ALL_DAYS)
    start = np.array([int(w.created) + 1 for w in workspaces])
    end = np.array([int(w.deleted) if w.deleted else ALL_DAYS for w in workspaces])
    result: NDArray[np.bool_] = (days >= start[:, None]) & (days < end[:, None])
    return result


def _member_counts(workspaces: list[Workspace], members: list[Member]) -> Ints:
    row = {id(workspace): number for number, workspace in enumerate(workspaces)}
    change = np.zeros((len(workspaces), ALL_DAYS + 1), dtype=np.int64)
    for member in members:
        where = row[id(member.workspace)]
        change[where, int(member.joined)] += 1
        if member.left is not None and member.left < ALL_DAYS:
            change[where, int(member.left)] -= 1
    counts: Ints = np.cumsum(change[:, :ALL_DAYS], axis=1)
    return counts


def _flow(
    rng: np.random.Generator,
    meter: str,
    workspaces: list[Workspace],
    included: Floats,
    alive: NDArray[np.bool_],
    over: NDArray[np.bool_],
) -> Ints:
    count = len(workspaces)
    activity = np.array([w.activity for w in workspaces])
    share = np.clip(0.22 * activity * rng.lognormal(0, 0.5, count), 0.03, 0.9)
    uses = np.ones(count, dtype=bool) if meter == "order_lines" else rng.random(count) < 0.12
    uses |= over
    planted = np.array([_share(w) if o else 0.0 for w, o in zip(workspaces, over, strict=True)])
    unlimited = UNLIMITED_MEDIAN[meter] * rng.lognormal(0, 0.6, count)
    weekday = np.where(DAY_WEEKDAY < 5, 1.0, 0.12 if meter == "order_lines" else 0.7)
    used = np.zeros((count, ALL_DAYS), dtype=np.int64)
    for month in range(MONTHS):
        days = np.flatnonzero(month == DAY_MONTH)
        quota_day = min(int(days[-1]), DAYS - 1) if month == CURRENT_MONTH else int(days[-1])
        quota = included[:, quota_day]
        month_share = np.minimum(share * rng.lognormal(0, 0.25, count), LARGEST_ORDINARY_SHARE)
        earlier = (rng.random(count) < EARLIER_OVERAGE) & (month < CURRENT_MONTH)
        month_share = np.where(earlier & ~over, rng.uniform(1.05, 1.5, count), month_share)
        limited = np.isfinite(quota)
        target = month_share * np.where(limited, quota, unlimited)
        target = np.floor(np.where(uses, target, 0.0))
        current = month == CURRENT_MONTH
        if current:
            target[over] = np.ceil(planted[over] * quota[over])
        daily_chance = np.clip(target / 8 / 21, 0.08, 0.95) if meter == "order_lines" else 0.95
        daily_chance = np.where(over & current, 0.95, daily_chance)
        acts = rng.random((count, len(days))) < daily_chance[:, None] * weekday[days]
        weight = np.where(acts & alive[:, days], rng.gamma(2.0, 0.5, (count, len(days))), 0.0)
        total = np.cumsum(weight, axis=1)
        until = total[:, quota_day - days[0]] if current else total[:, -1]
        until = np.where(over & current, until, total[:, -1])
        part = np.divide(total, until[:, None], out=np.zeros_like(total), where=until[:, None] > 0)
        reached = np.floor(target[:, None] * part).astype(np.int64)
        used[:, days] = np.diff(reached, axis=1, prepend=0)
    crossing = [i for i, w in enumerate(workspaces) if w.role == "crosses_tomorrow" and over[i]]
    used[crossing, DAYS] = np.ceil(0.06 * included[crossing, DAYS - 1]).astype(np.int64)
    return used


def _stock(
    rng: np.random.Generator,
    workspaces: list[Workspace],
    included: Floats,
    alive: NDArray[np.bool_],
    counts: Ints,
    over: NDArray[np.bool_],
) -> Ints:
    """Profiles held: the members themselves and guests whose profiles were stored."""
    quota = included[:, DAYS - 1]
    base = np.where(np.isfinite(quota), quota, 120.0)
    share = np.clip(rng.lognormal(-1.0, 0.5, len(workspaces)), 0.05, 0.9)
    planted = np.array([_share(w) if o else 0.0 for w, o in zip(workspaces, over, strict=True)])
    target = np.where(over, np.ceil(planted * base), np.floor(share * base))
    guests = np.maximum(0, target - counts[:, DAYS - 1])
    start = np.array([w.created for w in workspaces])
    age = np.arange(ALL_DAYS) - start[:, None]
    ramp = np.clip(age / np.maximum(1.0, DAYS - 5 - start)[:, None], 0, 1)
    held: Ints = counts + np.floor(guests[:, None] * ramp).astype(np.int64)
    return np.where(alive, held, 0)
