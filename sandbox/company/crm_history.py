"""What Salesforce keeps of the past: opportunity histories, and what leads were converted into."""

from __future__ import annotations

from sandbox.company.crm import Crm
from sandbox.company.dice import Dice
from sandbox.company.salesforce_ids import record_id
from sandbox.company.versions import Row
from sandbox.vendors.salesforce.opportunity_history import field_rows, stage_row

STAGE_HISTORY = "OpportunityHistory"
FIELD_HISTORY = "OpportunityFieldHistory"


def add_conversions(crm: Crm, seed: int) -> None:
    """Half of the converted leads became part of an opportunity that their account had by then."""
    dice = Dice(seed, "converted opportunities")
    by_account: dict[object, list[tuple[float, str]]] = {}
    for key, states in crm.logs["Opportunity"].states():
        t, row = states[0]
        by_account.setdefault(row["AccountId"], []).append((t, str(key)))
    for key, states in crm.logs["Lead"].states():
        if not states[-1][1]["IsConverted"]:
            continue
        converted = next(t for t, row in states if row["IsConverted"])
        account = states[-1][1]["ConvertedAccountId"]
        known = [found for t, found in by_account.get(account, []) if t <= converted]
        if known and dice.chance(0.5):
            crm.logs["Lead"].correct(key, converted, ConvertedOpportunityId=known[-1])


def add_histories(crm: Crm) -> None:
    """The history rows of every opportunity; they go to the recycle bin together with it."""
    for _, states in list(crm.logs["Opportunity"].states()):
        written: list[tuple[str, str]] = []
        before: Row | None = None
        for t, row in states:
            stamps: dict[str, object] = {"CreatedById": row["OwnerId"]}
            if stage := stage_row(before, row):
                written.append((STAGE_HISTORY, crm.add(STAGE_HISTORY, t, **stage, **stamps)))
            for change in field_rows(before, row):
                written.append((FIELD_HISTORY, crm.add(FIELD_HISTORY, t, **change, **stamps)))
            if row["IsDeleted"]:
                for sobject, key in written:
                    crm.change(sobject, key, t, IsDeleted=True)
            before = row


def of_a_new_deal(deal: Row, number: int) -> dict[str, list[Row]]:
    """The history rows of an opportunity that was just made, by object; ``number`` is for ids."""
    stamps = {"CreatedDate": deal["CreatedDate"], "IsDeleted": False}
    stage = stage_row(None, deal) or {}
    return {
        STAGE_HISTORY: [
            {
                "Id": record_id(STAGE_HISTORY, number),
                **stage,
                **stamps,
                "SystemModstamp": deal["CreatedDate"],
            }
        ],
        FIELD_HISTORY: [
            {"Id": record_id(FIELD_HISTORY, number), **row, **stamps}
            for row in field_rows(None, deal)
        ],
    }


def add_merged_contacts(crm: Crm, seed: int) -> None:
    """A few contacts were entered twice; soon the second one was merged into the first."""
    dice = Dice(seed, "merged contacts")
    for key, states in list(crm.logs["Contact"].states()):
        t, row = states[0]
        if states[-1][1]["IsDeleted"] or not dice.chance(0.01):
            continue
        again = t + dice.between(1, 60)
        fields = {name: row[name] for name in row if not name.startswith(("Id", *_STAMPS))}
        twin = crm.add("Contact", again, **fields)
        if twin not in crm.logs["Contact"]:
            continue
        crm.person_human[twin] = crm.person_human[str(key)]
        crm.change("Contact", twin, again + 0.5, IsDeleted=True, MasterRecordId=key)


_STAMPS = ("CreatedDate", "LastModifiedDate", "SystemModstamp")
