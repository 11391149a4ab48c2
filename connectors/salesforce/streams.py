"""The streams of Salesforce: one per object."""

from __future__ import annotations

from datetime import timedelta

from connectors.contract import Contract
from connectors.salesforce import contracts
from connectors.stream import Deletes, Mode, Overlap, Stream

OVERLAP = Overlap(
    timedelta(minutes=10),
    "SystemModstamp is taken when a row is saved and seen when its transaction commits; "
    "Salesforce ends transactions after ten minutes",
)
IN_THE_BIN = Deletes(
    "IsDeleted through queryAll, for the 15 days a row stays in the recycle bin",
    flag="is_deleted",
    at="system_modstamp",
)
NEVER = Deletes("none: users are made inactive, never deleted")

OBJECTS = {
    "account": "Account",
    "lead": "Lead",
    "contact": "Contact",
    "opportunity": "Opportunity",
    "task": "Task",
    "campaign": "Campaign",
    "campaign_member": "CampaignMember",
    "user": "User",
}
"""The sObject behind each stream."""


def _object(name: str, contract: type[Contract], deletes: Deletes = IN_THE_BIN) -> Stream:
    return Stream(
        source="salesforce",
        name=name,
        contract=contract,
        mode=Mode.MERGE,
        key=("id",),
        version=("system_modstamp",),
        cursor="system_modstamp",
        deletes=deletes,
        overlap=OVERLAP,
        ignored=("attributes",),
    )


STREAMS = (
    _object("account", contracts.Account),
    _object("lead", contracts.Lead),
    _object("contact", contracts.Contact),
    _object("opportunity", contracts.Opportunity),
    _object("task", contracts.Task),
    _object("campaign", contracts.Campaign),
    _object("campaign_member", contracts.CampaignMember),
    _object("user", contracts.User, NEVER),
)
