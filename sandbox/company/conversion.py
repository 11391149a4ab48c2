"""Value moments, conversion to paid and what surrounds it: the causes that are planted.

The chance to convert within 30 days after the first week is
``base * exp(slope * (fit - 0.5)) * 3.0 [shared] * 2.5 [connected]``, capped.
``Invite Sent`` goes along with activity and fit but causes nothing; ``Billing Viewed`` comes
minutes before a conversion; ``Receipt Downloaded`` comes after it.
"""

from __future__ import annotations

from sandbox.company.agents import Action, Stretch, Workspace
from sandbox.company.dice import Dice
from sandbox.company.experiments import PAYWALL_COPY, arm
from sandbox.company.plans import PLANS
from sandbox.company.timeline import DAYS, HORIZON, MINUTE

SHARED = "group_order_shared_twice"
CONNECTED = "slack_connected"
EFFECTS = {SHARED: 3.0, CONNECTED: 2.5}
BASE = 0.035
FIT_SLOPE = 1.8
LARGEST_CHANCE = 0.85
LATE_CHANCE = 0.05
WINDOW_DAYS = 7.0


def live(workspace: Workspace, dice: Dice, actions: list[Action]) -> None:
    """Draw the first week, the plans and the end of one workspace."""
    _first_week(workspace, dice, actions)
    if workspace.role:
        _planted_plan(workspace, dice)
    elif workspace.motion == "sales_assisted":
        _sold(workspace, dice)
    else:
        _self_serve(workspace, dice)
    _around_conversion(workspace, dice, actions)
    if workspace.role is None and not workspace.conversion and dice.chance(0.03):
        workspace.deleted = workspace.created + 20 + dice.exponential(60)
        if workspace.deleted >= HORIZON:
            workspace.deleted = None


def _first_week(workspace: Workspace, dice: Dice, actions: list[Action]) -> None:
    activity, creator = workspace.activity, workspace.creator
    workspace.shares_soon = dice.chance(min(0.7, 0.17 * activity))
    workspace.connects_soon = dice.chance(min(0.5, 0.12 * activity))
    workspace.multiplier = (EFFECTS[SHARED] if workspace.shares_soon else 1.0) * (
        EFFECTS[CONNECTED] if workspace.connects_soon else 1.0
    )
    shares = dice.integer(2, 4) if workspace.shares_soon else int(dice.chance(0.2))
    step = 6.6 / max(1, shares)
    for number in range(shares):
        t = workspace.created + 0.1 + step * number + dice.between(0.01, step - 0.01)
        actions.append(Action("Group Order Shared", t, creator.device, creator, workspace))
    connects = 1 + int(dice.chance(0.2)) if workspace.connects_soon else 0
    for number in range(connects):
        t = workspace.created + 0.2 + 3.2 * number + dice.between(0, 3)
        actions.append(Action("Slack Connected", t, creator.device, creator, workspace))
    if not connects and dice.chance(0.06):
        t = workspace.created + 8 + dice.exponential(25)
        actions.append(Action("Slack Connected", t, creator.device, creator, workspace))
    if dice.chance(0.05 * activity):
        t = workspace.created + dice.between(0.3, 30)
        actions.append(Action("Budget Rule Created", t, creator.device, creator, workspace))
    for _ in range(int(dice.chance(0.08 * activity))):
        t = workspace.created + dice.between(0.3, 20)
        actions.append(Action("Billing Viewed", t, creator.device, creator, workspace))


def chance(workspace: Workspace) -> float:
    """The planted chance to convert within 30 days after the first week."""
    fit = FIT_SLOPE * (workspace.company.fit - 0.5)
    return min(LARGEST_CHANCE, BASE * 2.718281828**fit * workspace.multiplier)


def _self_serve(workspace: Workspace, dice: Dice) -> None:
    when = None
    if dice.chance(chance(workspace)):
        when = workspace.created + WINDOW_DAYS + dice.between(0.1, 29.9)
    else:
        late = LATE_CHANCE * PAYWALL_COPY.effect ** arm(PAYWALL_COPY, workspace)
        if dice.chance(late):
            when = workspace.created + 37 + dice.exponential(50)
    plan = "business" if dice.chance(0.12) else "team"
    _plans(workspace, when, plan, dice)


def _sold(workspace: Workspace, dice: Dice) -> None:
    draw = dice.u()
    plan = "enterprise" if draw < 0.3 else "business" if draw < 0.7 else "team"
    _plans(workspace, workspace.created + dice.between(3, 14), plan, dice)


def _planted_plan(workspace: Workspace, dice: Dice) -> None:
    plan = ("free", "free", "free", "team", "team", "business")[workspace.company.id % 6]
    if workspace.role == "upgrades_tomorrow":
        plan = "free"
    when = None if plan == "free" else workspace.created + dice.between(8, 40)
    if workspace.role == "upgrades_tomorrow":
        when, plan = DAYS + 0.4 + 0.3 * dice.u(), "team"
    _plans(workspace, when, plan, dice)


def _plans(workspace: Workspace, when: float | None, plan: str, dice: Dice) -> None:
    stretches = workspace.stretches
    stretches.append(Stretch("free", workspace.created, None, "active", 0))
    if when is None or when >= HORIZON:
        return
    workspace.conversion = when
    _switch(workspace, when, plan, dice)
    if workspace.role:
        return
    later = when + 40 + dice.exponential(60)
    if later < HORIZON and dice.chance(0.2):
        if plan == "team" and dice.chance(0.5):
            _switch(workspace, later, "business", dice)
        elif plan != "enterprise":
            stretches[-1].status = "canceled"
            _switch(workspace, later, "free", dice)


def _switch(workspace: Workspace, t: float, plan: str, dice: Dice) -> None:
    price = PLANS[plan].price_cents
    mrr = dice.integer(8, 40) * 10_000 if price is None else price
    workspace.stretches[-1].end = t
    workspace.stretches.append(Stretch(plan, t, None, "active", mrr))


def _around_conversion(workspace: Workspace, dice: Dice, actions: list[Action]) -> None:
    creator, t = workspace.creator, workspace.conversion
    if t is None:
        return
    if workspace.motion == "self_serve":
        before = t - dice.between(4, 30) * MINUTE
        actions.append(Action("Billing Viewed", before, creator.device, creator, workspace))
        actions.append(Action("Plan Upgraded", t, creator.device, creator, workspace))
    for month in range(1 + int(3 * dice.u())):
        receipt = t + 1 + 30 * month + dice.between(0, 3)
        actions.append(Action("Receipt Downloaded", receipt, creator.device, creator, workspace))
