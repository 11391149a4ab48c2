"""What Salesforce asks of rows beyond their own fields: references, and rules of single objects."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.store import Row
from sandbox.vendors.salesforce import ids, schema
from sandbox.vendors.salesforce.errors import RowError
from sandbox.vendors.salesforce.schema import SObject
from sandbox.vendors.salesforce.store import Store

Errors = list[RowError | None]


def check_references(store: Store, sobject: SObject, rows: Sequence[Row], errors: Errors) -> None:
    """References must be ids of the right object, and their records must live.

    Ids are put into their 18-character form in ``rows``.
    """
    for field in sobject.fields.values():
        if field.type != "reference" or not field.createable:
            continue
        given: dict[str, set[str]] = {}
        for position, row in enumerate(rows):
            value = row.get(field.name)
            if value is None or errors[position] is not None:
                continue
            known = ids.normalize(value)
            target = schema.by_prefix().get(value[:3])
            if known is None or target is None or target.name not in field.to:
                errors[position] = RowError(
                    "MALFORMED_ID",
                    f"{field.label}: id value of incorrect type: {value}",
                    (field.name,),
                )
                continue
            row[field.name] = known
            given.setdefault(target.name, set()).add(known)
        alive: dict[str, bool] = {}
        for name, wanted in given.items():
            target = schema.objects()[name.lower()]
            for found in store.by_ids(target, "Id", sorted(wanted)):
                alive[found["Id"]] = not found.get("IsDeleted")
        for position, row in enumerate(rows):
            value = row.get(field.name)
            if value is None or errors[position] is not None or alive.get(value):
                continue
            errors[position] = (
                RowError("ENTITY_IS_DELETED", "entity is deleted", (field.name,))
                if value in alive
                else RowError(
                    "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", (field.name,)
                )
            )


def check_object(
    store: Store,
    sobject: SObject,
    rows: Sequence[Row],
    targets: Sequence[Row | None],
    errors: Errors,
) -> None:
    """The rules of single objects; ``targets`` has the stored row of an update."""
    if sobject.name == "Lead":
        _check_leads(targets, errors)
    elif sobject.name == "Task":
        _check_tasks(rows, targets, errors)
    elif sobject.name == "CampaignMember":
        _check_campaign_members(store, rows, targets, errors)


def _check_leads(targets: Sequence[Row | None], errors: Errors) -> None:
    """A converted lead can be read but not changed."""
    for position, target in enumerate(targets):
        if target is not None and target["IsConverted"] and errors[position] is None:
            errors[position] = _converted()


def _converted() -> RowError:
    return RowError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")


def _check_tasks(rows: Sequence[Row], targets: Sequence[Row | None], errors: Errors) -> None:
    """A task about a lead cannot be related to something else as well."""
    for position, (row, target) in enumerate(zip(rows, targets, strict=True)):
        merged = {**(target or {}), **row}
        who, what = merged.get("WhoId"), merged.get("WhatId")
        if errors[position] is None and who and what and who.startswith("00Q"):
            errors[position] = RowError(
                "FIELD_INTEGRITY_EXCEPTION",
                "Related To ID: a task with a lead as its name cannot be related to another record",
                ("WhatId",),
            )


def _check_campaign_members(
    store: Store, rows: Sequence[Row], targets: Sequence[Row | None], errors: Errors
) -> None:
    """Exactly one of lead and contact, once per campaign, and no converted lead."""
    member = schema.objects()["campaignmember"]
    new = [
        position
        for position, target in enumerate(targets)
        if target is None and errors[position] is None
    ]
    campaigns = sorted({rows[position]["CampaignId"] for position in new})
    taken = {
        (found["CampaignId"], found["LeadId"] or found["ContactId"])
        for found in store.by_ids(member, "CampaignId", campaigns)
        if not found["IsDeleted"]
    }
    leads = sorted({row["LeadId"] for row in rows if row.get("LeadId")})
    converted = {
        found["Id"]
        for found in store.by_ids(schema.objects()["lead"], "Id", leads)
        if found["IsConverted"]
    }
    for position in new:
        row = rows[position]
        lead, contact = row.get("LeadId"), row.get("ContactId")
        pair = (row["CampaignId"], lead or contact)
        if not lead and not contact:
            errors[position] = RowError(
                "REQUIRED_FIELD_MISSING",
                "Required fields are missing: [LeadId or ContactId]",
                ("LeadId", "ContactId"),
            )
        elif lead and contact:
            errors[position] = RowError(
                "FIELD_INTEGRITY_EXCEPTION",
                "A campaign member is either a lead or a contact, not both",
                ("LeadId", "ContactId"),
            )
        elif lead in converted:
            errors[position] = _converted()
        elif pair in taken:
            errors[position] = RowError("DUPLICATE_VALUE", "Already a campaign member.")
        else:
            taken.add(pair)
