"""The product's rows through time: every version of every row, as Arrow tables."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from sandbox.company.agents import ProductLife, User, Workspace
from sandbox.company.crm import Crm
from sandbox.company.dice import Dice
from sandbox.company.orders import Orders, Rosters
from sandbox.company.plans import METER_KIND, METERS, PLANS
from sandbox.company.product_schema import TABLES
from sandbox.company.timeline import HORIZON, at
from sandbox.company.versions import Row, VersionLog

HEARD_FROM = ("colleague", "search", "linkedin", "restaurant", "event", "podcast", None, None)


def _stamp(row: Row, t: float) -> None:
    row.setdefault("created_at", at(t))
    row["updated_at"] = at(t)


def table(name: str, rows: Iterable[Row]) -> pa.Table:
    """Rows as an Arrow table of the schema of ``name``; fields that are not given are null."""
    return pa.Table.from_pylist(list(rows), schema=TABLES[name])


def _moment(t: float | None) -> object:
    return None if t is None or t >= HORIZON else at(t)


class ProductRows:
    """Builds the version tables: ``tables[name]`` holds all versions, by id and time."""

    def __init__(self, life: ProductLife, crm: Crm, seed: int) -> None:
        self._life = life
        self._crm = crm
        self._dice = Dice(seed, "rows")
        self.tables: dict[str, pa.Table] = {}

    def build(self, restaurants: list[dict[str, object]], orders: Orders, rosters: Rosters) -> None:
        """Fill ``tables``, except for usage and overage, which :mod:`usage_rows` adds."""
        for name, log in (
            ("users", self._users()),
            ("organizations", self._organizations()),
            ("workspaces", self._workspaces()),
            ("memberships", self._memberships()),
            ("invites", self._invites()),
            ("plans", self._plans()),
            ("plan_entitlements", self._entitlements()),
            ("subscriptions", self._subscriptions()),
            ("restaurants", self._restaurants(restaurants)),
        ):
            self.tables[name] = table(name, log.versions())
        self.tables["group_orders"] = _orders(orders, rosters, self._life.workspaces)

    def _users(self) -> VersionLog:
        log, dice = VersionLog(_stamp), self._dice
        for user in self._life.users:
            log.put(user.id, user.created, self._user(user))
            if dice.chance(0.93):
                t = user.created + dice.exponential(0.3)
                log.change(user.id, t, email_verified_at=_moment(t))
            if dice.chance(0.04):
                log.change(user.id, user.created + dice.between(1, 150), title=user.human.title)
            if user.deleted is not None and user.deleted < HORIZON:
                log.change(user.id, user.deleted, deleted_at=at(user.deleted))
        return log

    def _user(self, user: User) -> Row:
        dice, human = self._dice, user.human
        return {
            "id": user.id,
            "email": user.email,
            "full_name": human.full_name if dice.chance(0.96) else None,
            "title": human.title if dice.chance(0.6) else None,
            "country": human.company.country if dice.chance(0.95) else None,
            "signup_anonymous_id": user.device.id if user.sends_device else None,
            "heard_from": dice.pick(HEARD_FROM),
            "marketing_consent": user.marketing_consent,
            "sales_consent": user.sales_consent,
            "is_staff": user.is_staff,
        }

    def _organizations(self) -> VersionLog:
        log, dice = VersionLog(_stamp), self._dice
        accounts = sorted(self._crm.account_company)
        for organization in self._life.organizations:
            log.put(
                organization.id,
                organization.created,
                {
                    "id": organization.id,
                    "name": organization.name,
                    "verified_domain": organization.verified_domain,
                    "billing_email": organization.billing_email,
                    "country": organization.company.country,
                    "created_by_user_id": organization.creator.id,
                },
            )
            account = self._crm.account_of(organization.company)
            role = organization.company.role
            if account is None or not (role or dice.chance(0.4)):
                continue
            if role is None and dice.chance(0.01):
                account = dice.pick(accounts)
            typed = account[:15] if dice.chance(0.45) else account
            mapped = organization.created + dice.between(2, 45)
            if mapped < HORIZON:
                log.change(organization.id, mapped, salesforce_account_id=typed)
        return log

    def _workspaces(self) -> VersionLog:
        log = VersionLog(_stamp)
        for workspace in self._life.workspaces:
            log.put(
                workspace.id,
                workspace.created,
                {
                    "id": workspace.id,
                    "organization_id": workspace.organization.id,
                    "name": workspace.name,
                    "motion": workspace.motion,
                    "is_test": workspace.is_test,
                    "created_by_user_id": workspace.creator.id,
                },
            )
            if workspace.role is None and self._dice.chance(0.06):
                renamed = f"{workspace.company.name.split()[0]} {workspace.name}"
                t = workspace.created + self._dice.between(1, 120)
                if workspace.deleted is None or t < workspace.deleted:
                    log.change(workspace.id, t, name=renamed)
            if workspace.deleted is not None:
                log.change(workspace.id, workspace.deleted, deleted_at=at(workspace.deleted))
        return log

    def _memberships(self) -> VersionLog:
        log = VersionLog(_stamp)
        for member in self._life.members:
            log.put(
                member.id,
                member.joined,
                {
                    "id": member.id,
                    "workspace_id": member.workspace.id,
                    "user_id": member.user.id,
                    "role": member.role,
                    "invited_by_user_id": member.inviter.id if member.inviter else None,
                    "joined_at": at(member.joined),
                },
            )
            ends = [t for t in (member.left, member.user.deleted) if t is not None]
            if ends and min(ends) < HORIZON:
                log.change(member.id, min(ends), deleted_at=at(min(ends)))
        return log

    def _invites(self) -> VersionLog:
        log = VersionLog(_stamp)
        for invite in self._life.invites:
            log.put(
                invite.id,
                invite.sent,
                {
                    "id": invite.id,
                    "workspace_id": invite.workspace.id,
                    "inviter_user_id": invite.inviter.id,
                    "email": invite.email,
                    "status": "sent",
                    "sent_at": at(invite.sent),
                },
            )
            if invite.accepted is not None and invite.accepted_by is not None:
                log.change(
                    invite.id,
                    invite.accepted,
                    status="accepted",
                    accepted_user_id=invite.accepted_by.id,
                    accepted_at=_moment(invite.accepted),
                )
            elif self._dice.chance(0.7):
                log.change(invite.id, invite.sent + 14, status="expired")
        return log

    def _plans(self) -> VersionLog:
        log = VersionLog(_stamp)
        for plan in PLANS.values():
            row = {
                "id": plan.id,
                "code": plan.code,
                "name": plan.name,
                "tier_rank": plan.rank,
                "is_self_serve": plan.self_serve,
                "monthly_price_cents": plan.price_cents,
            }
            log.put(plan.id, 0.0, row)
        return log

    def _entitlements(self) -> VersionLog:
        log = VersionLog(_stamp)
        for plan in PLANS.values():
            for place, meter in enumerate(METERS):
                number = (plan.id - 1) * len(METERS) + place + 1
                row = {
                    "id": number,
                    "plan_code": plan.code,
                    "meter": meter,
                    "meter_kind": METER_KIND[meter],
                    "included": plan.included[meter],
                }
                log.put(number, 0.0, row)
        return log

    def _subscriptions(self) -> VersionLog:
        log = VersionLog(_stamp)
        stretches = [
            (stretch, workspace)
            for workspace in self._life.workspaces
            for stretch in workspace.stretches
            if stretch.start < HORIZON
        ]
        stretches.sort(key=lambda item: (item[0].start, item[1].id))
        for number, (stretch, workspace) in enumerate(stretches, start=1):
            row = {
                "id": number,
                "workspace_id": workspace.id,
                "plan_code": stretch.plan,
                "status": "active",
                "mrr_cents": stretch.mrr_cents,
                "started_at": at(stretch.start),
            }
            log.put(number, stretch.start, row)
            end = stretch.end if stretch.end is not None else workspace.deleted
            if end is not None and end < HORIZON:
                log.change(number, end, ended_at=at(end), status="canceled")
        return log

    def _restaurants(self, restaurants: list[dict[str, object]]) -> VersionLog:
        log = VersionLog(_stamp)
        for row in restaurants:
            log.put(int(str(row["id"])), 0.0, dict(row))
        return log


def _orders(orders: Orders, rosters: Rosters, workspaces: list[Workspace]) -> pa.Table:
    """Group orders as they ended; each opens and closes within one day."""
    user_ids = np.array([member.user.id for member in rosters.members])
    workspace_ids = np.array([workspace.id for workspace in workspaces])
    count = len(orders.workspace)
    time = TABLES["group_orders"].field("created_at").type
    return pa.table(
        {
            "id": np.arange(1, count + 1),
            "workspace_id": workspace_ids[orders.workspace],
            "organiser_user_id": user_ids[orders.organiser],
            "restaurant_id": orders.restaurant,
            "status": np.where(orders.cancelled, "cancelled", "delivered").astype(object),
            "line_count": orders.lines,
            "total_cents": orders.total_cents,
            "created_at": pa.array(orders.created * 1_000_000).cast(time),
            "updated_at": pa.array(orders.closed * 1_000_000).cast(time),
            "deleted_at": pa.nulls(count, time),
        },
        schema=TABLES["group_orders"],
    )
