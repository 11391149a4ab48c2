"""The whole world of one seed: simulated once, then shown up to any day."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from sandbox.company import (
    app_intelligence,
    billing,
    companies,
    crm_accounts,
    crm_activity,
    crm_history,
    crm_people,
    enrichment,
    event_files,
    event_log,
    marketing,
    marketing_mail,
    marketo_programs,
    orders,
    outreach,
    product_extras,
    sheet,
    support,
    usage,
    usage_rows,
    web_rank,
)
from sandbox.company.agents import ProductLife
from sandbox.company.app_intelligence import AppIntelligence
from sandbox.company.billing_books import Ledger
from sandbox.company.clickstream import Clickstream
from sandbox.company.companies import Company
from sandbox.company.crm import Crm
from sandbox.company.dice import Dice
from sandbox.company.enrichment import Enrichment
from sandbox.company.event_files import EventFiles
from sandbox.company.event_log import EventLog
from sandbox.company.marketing import Marketing
from sandbox.company.marketing_mail import Mail
from sandbox.company.marketo import Marketo
from sandbox.company.outreach import Outreach
from sandbox.company.people import Population
from sandbox.company.plans import UNKNOWN_PLAN
from sandbox.company.product_life import ProductSimulation, share_devices
from sandbox.company.product_rows import ProductRows
from sandbox.company.sizes import SIZES, Size
from sandbox.company.support import Support
from sandbox.company.timeline import EPOCH, at
from sandbox.company.usage import Usage
from sandbox.company.versions import Row
from sandbox.company.web_rank import WebRank


@dataclass
class World:
    """Everything that is and will be, with its truth."""

    size: Size
    seed: int
    companies: list[Company]
    people: Population
    life: ProductLife
    crm: Crm
    marketing: Marketing
    mail: Mail
    marketo: Marketo
    outreach: Outreach
    enrichment: Enrichment
    apps: AppIntelligence
    sites: WebRank
    sheet: list[sheet.Line]
    usage: Usage
    events: EventLog
    website: EventFiles
    product: dict[str, pa.Table]
    support: Support
    billing: Ledger

    def product_rows(self, table: str, start: float, end: float) -> pa.Table:
        """The rows of a product table that changed in [start, end) days, each in its last state."""
        versions = self.product[table]
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            return (
                connection.execute(
                    """
                select * from versions
                where updated_at >= $low and updated_at < $high
                qualify row_number() over (partition by id order by updated_at desc) = 1
                order by id
                """,
                    {"low": at(max(start, -100_000.0)), "high": at(end)},
                )
                .to_arrow_table()
                .cast(versions.schema)
            )

    def records(self, start: float, end: float) -> dict[tuple[str, str], list[Row]]:
        """The vendors' records that changed in [start, end) days, by (vendor, table)."""
        found = {
            ("salesforce", name): log.between(start, end) for name, log in self.crm.logs.items()
        }
        found["hubspot", "contacts"] = self.marketing.contacts.between(start, end)
        found["hubspot", "companies"] = self.marketing.companies.between(start, end)
        found["hubspot", "email_events"] = self.mail.events.between(start, end)
        found["hubspot", "lists"] = self.mail.lists(end)
        found |= self.marketo.records(start, end) | self.outreach.records(start, end)
        found |= self.enrichment.changed(start, end)
        found |= self.apps.changed(start, end) | self.sites.changed(start, end)
        found.update(self.support.records(start, end))
        found.update(self.billing.records(start, end))
        return found

    def sheet_grid(self, end: float) -> list[list[str]]:
        """The exclusions sheet as of ``end`` days."""
        return sheet.grid(self.sheet, end)


def simulate(size_name: str, seed: int) -> World:
    """Simulate a world of one of the sizes of :mod:`sizes`."""
    size = SIZES[size_name]
    all_companies = companies.simulate(size, seed)
    people = Population(seed)
    life = ProductSimulation(all_companies, people, seed).run()
    share_devices(life, seed)
    _plant_unknown_plan(life, seed)
    crm = Crm()
    crm_accounts.add_reps(crm, seed)
    crm_accounts.add_accounts(crm, all_companies, seed)
    restaurants = crm_accounts.add_restaurants(crm, size.restaurants, seed)
    crm_people.add_people(crm, all_companies, people, life, seed)
    crm_activity.add_opportunities(crm, all_companies, seed)
    crm_activity.add_tasks(crm, seed)
    crm_activity.add_campaigns(crm, seed)
    crm_history.add_conversions(crm, seed)
    crm_history.add_histories(crm)
    crm_history.add_merged_contacts(crm, seed)
    hubspot = marketing.simulate(all_companies, people, life, seed)
    marketing_mail.add_merges(hubspot, seed)
    used = usage.simulate(life.workspaces, life.members, seed)
    rosters = orders.Rosters(life.workspaces, life.members)
    group_orders = orders.simulate(rosters, used.used["order_lines"], size.restaurants, EPOCH, seed)
    rows = ProductRows(life, crm, seed)
    rows.build(restaurants, group_orders, rosters)
    rows.tables["usage_daily"] = usage_rows.usage_daily(used, life.workspaces, seed)
    rows.tables["overage_state"] = usage_rows.overage_state(used, life.workspaces, seed)
    rows.tables["refunds"] = product_extras.refunds(rows.tables["group_orders"], seed)
    rows.tables["workspace_integrations"] = product_extras.integrations(life, seed)
    stream = Clickstream(seed)
    parts = [
        stream.actions(life),
        stream.member_days(life, size),
        stream.orders(group_orders, rosters, life.workspaces, size),
    ]
    events = event_log.build(parts, stream, stream.visitors(len(life.users), size), seed)
    return World(
        size=size,
        seed=seed,
        companies=all_companies,
        people=people,
        life=life,
        crm=crm,
        marketing=hubspot,
        mail=marketing_mail.simulate(hubspot, seed),
        marketo=marketo_programs.simulate(crm, life, seed),
        outreach=outreach.simulate(crm, seed),
        enrichment=enrichment.simulate(all_companies, seed),
        apps=app_intelligence.simulate(all_companies, seed),
        sites=web_rank.simulate(all_companies, seed),
        sheet=sheet.simulate(all_companies, life.workspaces, crm, seed),
        usage=used,
        events=events,
        website=event_files.simulate(life, seed),
        product=rows.tables,
        support=support.simulate(life, seed),
        billing=billing.simulate(life, used, seed),
    )


def _plant_unknown_plan(life: ProductLife, seed: int) -> None:
    """One living self-serve workspace is on a plan that the price list does not have."""
    dice = Dice(seed, "unknown plan")
    candidates = [
        w
        for w in life.workspaces
        if w.role is None
        and w.deleted is None
        and w.motion == "self_serve"
        and w.conversion is not None
        and w.conversion < 150
        and w.stretches[-1].end is None
        and w.stretches[-1].plan == "team"
    ]
    dice.pick(candidates).stretches[-1].plan = UNKNOWN_PLAN
