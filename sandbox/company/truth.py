"""The truth of a world, as tables that the score reads and the product never sees."""

from __future__ import annotations

import datetime as dt

import duckdb
import pyarrow as pa

from sandbox.company import conversion, experiments
from sandbox.company.companies import Company
from sandbox.company.event_log import NORMAL
from sandbox.company.plans import METER_KIND, PLANS
from sandbox.company.timeline import EPOCH, HORIZON, START, at
from sandbox.company.world import World

Rows = list[dict[str, object]]

MOMENTS = (
    {"event_name": "Group Order Shared", "threshold": 2, "window_days": 7},
    {"event_name": "Slack Connected", "threshold": 1, "window_days": 7},
)


def tables(world: World, until: float) -> dict[str, pa.Table]:
    """All truth tables as of ``until`` days; what changes with time is that of ``until``."""
    plain = {
        "truth_person_identifier": _people(world),
        "truth_account_identifier": _accounts(world),
        "truth_account_match": _matches(world),
        "truth_company": _companies(world),
        "truth_conversion": _conversions(world, until),
        "truth_surge": _surges(world),
        "truth_experiment": _experiments(world),
        "truth_quality": _quality(world, until),
    }
    result = {name: _table(rows) for name, rows in plain.items()}
    result["truth_moment"] = _moments(world, until)
    result["truth_overage"] = _overage(world, until)
    return result


def _table(rows: Rows) -> pa.Table:
    """Rows with the union of their types; all-null columns become text."""
    found = pa.Table.from_pylist(rows)
    fields = [
        pa.field(f.name, pa.string() if pa.types.is_null(f.type) else f.type) for f in found.schema
    ]
    return found.cast(pa.schema(fields))


def _people(world: World) -> Rows:
    """Identifiers of humans; shared devices, broken device ids and shared inboxes are nobody's."""
    found: set[tuple[int, str, str]] = set()
    for user in world.life.users:
        found.add((user.human.id, "user_id", str(user.id)))
        found.add((user.human.id, "email", user.email.lower()))
    for human in world.people.humans:
        found.update((human.id, "email", address) for address in human.addresses)
        found.update((human.id, "anonymous_id", device.id) for device in human.devices)
    for key, human in world.crm.person_human.items():
        kind = "sfdc_lead_id" if key.startswith("00Q") else "sfdc_contact_id"
        found.add((human.id, kind, key))
    for key, human in world.marketing.person_human.items():
        found.add((human.id, "hubspot_contact_id", key))
    for lead, human in world.marketo.person_human.items():
        found.add((human.id, "marketo_lead_id", str(lead)))
    for prospect, human in world.outreach.person_human.items():
        found.add((human.id, "outreach_prospect_id", str(prospect)))
    return [
        {"human_id": human, "id_type": kind, "id_value": value}
        for human, kind, value in sorted(found)
    ]


def _accounts(world: World) -> Rows:
    found: set[tuple[int, str, str]] = set()
    for organization in world.life.organizations:
        found.add((organization.company.id, "organization_id", str(organization.id)))
    for workspace in world.life.workspaces:
        found.add((workspace.company.id, "workspace_id", str(workspace.id)))
    for key, company in world.crm.account_company.items():
        found.add((company.id, "sfdc_account_id", key))
    for company in world.companies:
        found.update((company.id, "domain", domain) for domain in company.domains)
    return [
        {"company_id": company, "id_type": kind, "id_value": value}
        for company, kind, value in sorted(found)
    ]


def _matches(world: World) -> Rows:
    """Whose account each lead and user belongs to: a user to the company of their workspace."""
    rows: Rows = []
    seen: set[int] = set()
    for member in world.life.members:
        if member.user.id in seen:
            continue
        seen.add(member.user.id)
        rows.append(_match(world, "user", str(member.user.id), member.workspace.company))
    for key, human in sorted(world.crm.person_human.items()):
        if key.startswith("00Q"):
            rows.append(_match(world, "sfdc_lead", key, human.company))
    return rows


def _match(world: World, kind: str, subject: str, company: Company) -> dict[str, object]:
    return {
        "subject_type": kind,
        "subject_id": subject,
        "company_id": company.id,
        "sfdc_account_id": world.crm.account_of(company),
    }


def _companies(world: World) -> Rows:
    return [
        {
            "company_id": company.id,
            "name": company.name,
            "kind": company.kind,
            "fit": company.fit,
            "industry": company.industry,
            "country": company.country,
            "employees": company.employees,
            "parent_company_id": company.parent_id,
            "domains": list(company.domains),
            "is_free_mail": company.domain is None,
            "role": company.role,
        }
        for company in world.companies
    ]


def _conversions(world: World, until: float) -> Rows:
    return [
        {
            "workspace_id": str(workspace.id),
            "company_id": workspace.company.id,
            "motion": workspace.motion,
            "fit": workspace.company.fit,
            "multiplier": workspace.multiplier,
            "chance": conversion.chance(workspace),
            "shared_twice": workspace.shares_soon,
            "slack_connected": workspace.connects_soon,
            "converted_at": at(workspace.conversion)
            if workspace.conversion is not None and workspace.conversion < until
            else None,
        }
        for workspace in world.life.workspaces
        if workspace.created < until
    ]


def _surges(world: World) -> Rows:
    rows: Rows = []
    for company in world.companies:
        for kind, start in (("surge", company.surge), ("invite_wave", company.invite_wave)):
            if start is not None and start < HORIZON:
                end = start + (5 if kind == "surge" else 1)
                rows.append(
                    {
                        "company_id": company.id,
                        "kind": kind,
                        "start_at": at(start),
                        "end_at": at(end),
                    }
                )
    return rows


def _experiments(world: World) -> Rows:
    return [
        {
            "experiment_id": experiment.id,
            "salt": experiment.salt,
            "workspace_id": str(workspace.id),
            "unit": experiments.unit(workspace),
            "arm": "treatment" if experiments.arm(experiment, workspace) else "control",
            "effect": experiment.effect,
        }
        for experiment in experiments.EXPERIMENTS
        for workspace in world.life.workspaces
        if workspace.motion == "self_serve"
    ]


def _quality(world: World, until: float) -> Rows:
    counts = world.events.counts(until)
    counts["unknown_plan_subscription"] = 1
    dirt = [line for line in world.sheet if line.t < until and line.kind != "planted"]
    for line in dirt:
        counts[f"sheet_{line.kind}"] = counts.get(f"sheet_{line.kind}", 0) + 1
    return [{"kind": kind, "count": count} for kind, count in sorted(counts.items())]


def _moments(world: World, until: float) -> pa.Table:
    """One row per true occurrence of a moment's event, whatever its time after the sign-up."""
    events = world.events.table  # noqa: F841 - named in the SQL
    owners = pa.Table.from_pylist(  # noqa: F841
        [
            {"workspace_id": w.id, "company_id": w.company.id}
            for w in world.life.workspaces
            if w.company.kind != "internal"
        ]
    )
    moments = pa.Table.from_pylist(list(MOMENTS))  # noqa: F841 - named in the SQL
    with duckdb.connect() as connection:
        return connection.execute(
            """
            select
                moments.event_name,
                moments.threshold,
                moments.window_days,
                owners.company_id,
                events.workspace_id::varchar as workspace_id,
                make_timestamp(events.time * 1000000) as event_at
            from events
            inner join owners on events.workspace_id = owners.workspace_id
            inner join moments on events.event::varchar = moments.event_name
            where events.kind = $normal and events.processed_ms < $until
            order by event_name, workspace_id, event_at
            """,
            {"normal": NORMAL, "until": EPOCH * 1000 + int(until * 86_400_000)},
        ).to_arrow_table()


def _overage(world: World, until: float) -> pa.Table:
    """Used against included per workspace, meter and month, for workspaces alive at ``until``."""
    usage = world.product_rows("usage_daily", -1e5, until)  # noqa: F841 - named in the SQL
    periods = _periods(until)
    plans: Rows = []
    for workspace in world.life.workspaces:
        if workspace.created >= until or (workspace.deleted or HORIZON) < until:
            continue
        for start, end in periods:
            instant = min(end, until) - 1e-6
            in_force = [s for s in workspace.stretches if s.start <= instant]
            if not in_force:
                continue
            plan = PLANS.get(in_force[-1].plan)
            for meter, kind in METER_KIND.items():
                plans.append(
                    {
                        "workspace_id": workspace.id,
                        "meter": meter,
                        "kind": kind,
                        "period_start": at(start).date(),
                        "plan_code": in_force[-1].plan,
                        "included": plan.included[meter] if plan else None,
                        "role": workspace.role,
                    }
                )
    entitled = _table(plans)  # noqa: F841
    with duckdb.connect() as connection:
        return connection.execute(
            """
            select
                entitled.workspace_id::varchar as workspace_id,
                entitled.meter,
                entitled.period_start,
                entitled.plan_code,
                cast(case when entitled.kind = 'flow' then sum(usage.quantity)
                    else arg_max(usage.quantity, usage.usage_date) end as bigint) as used,
                entitled.included,
                entitled.role
            from entitled
            inner join usage
                on entitled.workspace_id = usage.workspace_id
                and entitled.meter = usage.meter
                and entitled.period_start = date_trunc('month', usage.usage_date)::date
            group by
                entitled.workspace_id, entitled.meter, entitled.kind, entitled.period_start,
                entitled.plan_code, entitled.included, entitled.role
            order by workspace_id, entitled.meter, entitled.period_start
            """
        ).to_arrow_table()


def _periods(until: float) -> list[tuple[float, float]]:
    """Start and end, in days, of the calendar months that began before ``until``."""
    periods = []
    month = START
    while month < at(until):
        following = (month + dt.timedelta(days=32)).replace(day=1)
        start, end = (month - START).days, (following - START).days
        periods.append((float(start), float(end)))
        month = following
    return periods
