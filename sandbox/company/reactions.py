"""How the company reacts to what Headwater delivered: reps work leads, some talks become deals.

Drawn from md5 of the seed and the record, so that a replay reacts the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.clock import VirtualClock
from sandbox.company.crm_accounts import INTEGRATION
from sandbox.company.crm_history import of_a_new_deal
from sandbox.company.experiments import bucket
from sandbox.company.loading import open_stores
from sandbox.company.salesforce_ids import record_id

WORKED_SHARE = 0.5
CALLS_A_DAY = 60
"""What one person of sales gets done; who is left over is called on another day."""
DEAL_SHARE = 0.3
FIRST_TASK = 9_000_000_000
MARK = "[headwater:"
"""What stands in the note of a task that Headwater made."""
Row = dict[str, Any]


def react(home: Path, clock: VirtualClock, seed: int, day_start: datetime) -> dict[str, int]:
    """Let reps answer to new leads and tasks, in the day that starts at ``day_start``.

    Returns how many leads were taken up and how many opportunities were opened.
    """
    stores = open_stores(home, clock, ["salesforce", "outreach"])
    leads = _work_leads(stores["salesforce"], seed, day_start)
    deals = _open_deals(stores["salesforce"], stores["outreach"], seed, day_start)
    return {"leads_worked": leads, "opportunities_opened": deals}


def _moment(day_start: datetime, draw: float) -> datetime:
    return day_start + timedelta(hours=8 + 9 * draw)


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _number(seed: int, key: str) -> int:
    return FIRST_TASK + int(bucket(f"{seed}:record", key) * 10**12)


def _work_leads(store: Any, seed: int, day_start: datetime) -> int:
    """Half of the fresh leads that carry a product user id get worked, each with a call.

    As many as the reps have time for; who takes a lead up owns it from then on.
    """
    reps = sorted(
        str(user["Id"])
        for user in store.rows("User")
        if user["IsActive"] and user["Username"] != INTEGRATION
    )
    waiting = []
    for lead in store.rows("Lead"):
        user = lead.get("PLG_User_Id__c")
        fresh = lead.get("Status") in {None, "New", "Open - Not Contacted"}
        if not user or not fresh or lead.get("IsDeleted") or lead.get("IsConverted"):
            continue
        draw = bucket(f"{seed}:lead", str(user))
        if draw < WORKED_SHARE:
            waiting.append((draw, str(user), str(lead["Id"])))
    leads, tasks = [], []
    for place, (_, user, lead_id) in enumerate(sorted(waiting)[: len(reps) * CALLS_A_DAY]):
        call, rep = divmod(place, len(reps))
        at = _moment(day_start, call / CALLS_A_DAY)
        leads.append(
            {
                "Id": lead_id,
                "Status": "Working",
                "OwnerId": reps[rep],
                "LastModifiedDate": _stamp(at),
                "SystemModstamp": _stamp(at),
            }
        )
        tasks.append(
            {
                "Id": record_id("Task", _number(seed, f"lead:{user}")),
                "WhoId": lead_id,
                "WhatId": None,
                "Subject": "Call",
                "Status": "Completed",
                "ActivityDate": at.date().isoformat(),
                "OwnerId": reps[rep],
                "IsDeleted": False,
                "CreatedDate": _stamp(at),
                "LastModifiedDate": _stamp(at),
                "SystemModstamp": _stamp(at),
            }
        )
    store.seed("Lead", leads)
    store.seed("Task", tasks)
    return len(leads)


def _open_deals(salesforce: Any, outreach: Any, seed: int, day_start: datetime) -> int:
    """Some of the tasks of sales development end in an opportunity on the prospect's account."""
    contacts = {
        str(row["Email"]).lower(): row["AccountId"]
        for row in salesforce.rows("Contact")
        if row.get("Email") and row.get("AccountId") and not row.get("IsDeleted")
    }
    sites = {
        _host(row["Website"]): row["Id"]
        for row in salesforce.rows("Account")
        if row.get("Website") and not row.get("IsDeleted")
    }
    prospects = {str(row["id"]): row for row in outreach.rows("prospects")}
    known = {row["Id"] for row in salesforce.rows("Opportunity")}
    deals = []
    for task in outreach.rows("tasks"):
        if MARK not in str(task["attributes"].get("note")):
            continue
        email = _email(task, prospects)
        account = contacts.get(email) or sites.get(email.rpartition("@")[2])
        draw = bucket(f"{seed}:deal", email)
        key = record_id("Opportunity", _number(seed, f"deal:{email}"))
        if not email or account is None or draw >= DEAL_SHARE or key in known:
            continue
        known.add(key)
        at = _moment(day_start, draw / DEAL_SHARE)
        deals.append(
            {
                "Id": key,
                "AccountId": account,
                "Name": "Bigger plan, from a call",
                "StageName": "Qualification",
                "Amount": 12_000.0,
                "CloseDate": (at + timedelta(days=60)).date().isoformat(),
                "IsClosed": False,
                "IsWon": False,
                "OwnerId": None,
                "LastActivityDate": at.date().isoformat(),
                "IsDeleted": False,
                "CreatedDate": _stamp(at),
                "LastModifiedDate": _stamp(at),
                "SystemModstamp": _stamp(at),
            }
        )
    salesforce.seed("Opportunity", deals)
    for deal in deals:
        for sobject, rows in of_a_new_deal(deal, _number(seed, str(deal["Id"]))).items():
            salesforce.seed(sobject, rows)
    return len(deals)


def _host(website: str) -> str:
    bare = website.lower().split("//")[-1].split("/")[0].split("?")[0]
    return bare.removeprefix("www.")


def _email(task: Row, prospects: dict[str, Row]) -> str:
    """The first address of the prospect that a task is about, lower-cased, or nothing."""
    data = task.get("relationships", {}).get("prospect", {}).get("data") or {}
    prospect = prospects.get(str(data.get("id"))) or {}
    emails = prospect.get("attributes", {}).get("emails") or []
    return str(emails[0]).lower() if emails else ""
