"""The streams of Marketo."""

from __future__ import annotations

from datetime import timedelta

from connectors.contract import Contract
from connectors.marketo import contracts
from connectors.stream import Deletes, Merges, Mode, Overlap, Stream

OVERLAP = Overlap(
    timedelta(hours=1),
    "an activity shows in the log some minutes after it happened",
)


def _snapshot(name: str, contract: type[Contract], *ignored: str) -> Stream:
    return Stream(
        source="marketo",
        name=name,
        contract=contract,
        mode=Mode.SNAPSHOT,
        key=("id",),
        version=(),
        cursor="none",
        deletes=Deletes("vanish from the listing, which is read whole on each load"),
        ignored=ignored,
    )


def _log(name: str, contract: type[Contract], merges: Merges | None = None) -> Stream:
    return Stream(
        source="marketo",
        name=name,
        contract=contract,
        mode=Mode.APPEND,
        key=("marketo_guid",),
        version=(),
        cursor="activityDate",
        deletes=Deletes("activities of a deleted lead are not taken back"),
        overlap=OVERLAP,
        ignored=("id",),
        merges=merges,
    )


LEADS = Stream(
    source="marketo",
    name="leads",
    contract=contracts.Lead,
    mode=Mode.MERGE,
    key=("id",),
    version=("updated_at",),
    cursor="date of the last change or delete in the activity log",
    deletes=Deletes(
        "leads that the log says were deleted or merged, and whom a look-up does not find any more"
    ),
    overlap=OVERLAP,
)
ACTIVITIES = _log("activities", contracts.Activity)
LEAD_MERGES = _log(
    "lead_merges",
    contracts.LeadMerge,
    Merges(
        "the Merge Leads activity of the winner, whose attribute Merge IDs lists the losers",
        loser="loser_ids",
        winner="winner_id",
        of="leads",
    ),
)
PROGRAM_MEMBERS = Stream(
    source="marketo",
    name="program_members",
    contract=contracts.ProgramMember,
    mode=Mode.MERGE,
    key=("program_id", "lead_id"),
    version=(),
    cursor="date of the last change of a status in the activity log",
    deletes=Deletes(
        "members whose status changed, by the log, and whom the program does not list any more"
    ),
    overlap=OVERLAP,
)

STREAMS = (
    LEADS,
    ACTIVITIES,
    LEAD_MERGES,
    _snapshot(
        "activity_types", contracts.ActivityType, "attributes", "primaryAttribute", "apiName"
    ),
    _snapshot(
        "programs",
        contracts.Program,
        "description",
        "folder",
        "tags",
        "costs",
        "headStart",
        "startDate",
        "endDate",
    ),
    PROGRAM_MEMBERS,
    _snapshot("lists", contracts.List, "description"),
)
