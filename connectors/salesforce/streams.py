"""The streams of Salesforce: one per object."""

from __future__ import annotations

from datetime import timedelta

from connectors.contract import Contract
from connectors.salesforce import contracts
from connectors.stream import Deletes, Merges, Mode, Overlap, Stream

OVERLAP = Overlap(
    timedelta(minutes=10),
    "SystemModstamp is taken when a row is saved and seen when its transaction commits; "
    "Salesforce ends transactions after ten minutes",
)
IN_THE_BIN = Deletes(
    "IsDeleted through queryAll, for the 15 days a row stays in the recycle bin; rows that left it "
    "unseen by a comparison of all ids",
    flag="is_deleted",
    at="system_modstamp",
)
NEVER = Deletes("none: users are made inactive, never deleted")

WITH_ITS_OPPORTUNITY = Deletes(
    "goes to the recycle bin with its opportunity, without a change that could be read along: the "
    "opportunity's tombstone says it; IsDeleted where it was so when it was read",
    flag="is_deleted",
)

MERGED_AWAY = Merges(
    "MasterRecordId, the winner, on a loser in the recycle bin; losers of losers are resolved by "
    "following the winners",
    loser="id",
    winner="master_record_id",
)

OBJECTS = {
    "account": "Account",
    "lead": "Lead",
    "contact": "Contact",
    "opportunity": "Opportunity",
    "task": "Task",
    "campaign": "Campaign",
    "campaign_member": "CampaignMember",
    "user": "User",
    "opportunity_history": "OpportunityHistory",
    "opportunity_field_history": "OpportunityFieldHistory",
}
"""The sObject behind each stream."""


def _object(
    name: str,
    contract: type[Contract],
    deletes: Deletes = IN_THE_BIN,
    cursor: str = "system_modstamp",
    merges: Merges | None = None,
) -> Stream:
    return Stream(
        source="salesforce",
        name=name,
        contract=contract,
        mode=Mode.MERGE,
        key=("id",),
        version=(cursor,),
        cursor=cursor,
        deletes=deletes,
        overlap=OVERLAP,
        ignored=("attributes",),
        merges=merges,
    )


STREAMS = (
    _object("account", contracts.Account, merges=MERGED_AWAY),
    _object("lead", contracts.Lead, merges=MERGED_AWAY),
    _object("contact", contracts.Contact, merges=MERGED_AWAY),
    _object("opportunity", contracts.Opportunity),
    _object("task", contracts.Task),
    _object("campaign", contracts.Campaign),
    _object("campaign_member", contracts.CampaignMember),
    _object("user", contracts.User, NEVER),
    _object("opportunity_history", contracts.OpportunityHistory),
    _object(
        "opportunity_field_history",
        contracts.OpportunityFieldHistory,
        WITH_ITS_OPPORTUNITY,
        cursor="created_at",
    ),
)
