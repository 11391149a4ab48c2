"""The streams of Outreach."""

from __future__ import annotations

from datetime import timedelta

from connectors.contract import Column, Contract, columns
from connectors.outreach import contracts
from connectors.stream import Deletes, Mode, Overlap, Stream

OVERLAP = Overlap(
    timedelta(minutes=15),
    "a change shows in filters some time after it happened, and the vendor's clock isn't ours",
)
UNSEEN = Deletes("not seen: records are deleted for good, without a feed")


def _resource(name: str, contract: type[Contract], *, deletes: Deletes = UNSEEN) -> Stream:
    return Stream(
        source="outreach",
        name=name,
        contract=contract,
        mode=Mode.MERGE,
        key=("id",),
        version=("updated_at",),
        cursor="updated_at",
        deletes=deletes,
        overlap=OVERLAP,
        ignored=tuple(
            ["type", "links"]
            + [f"{'.'.join(column.path[:3])}.type" for column in _related(contract)]
        ),
    )


def _related(contract: type[Contract]) -> list[Column]:
    return [column for column in columns(contract) if column.path[0] == "relationships"]


PROSPECT_IDS = Stream(
    source="outreach",
    name="prospect_ids",
    contract=contracts.ProspectId,
    mode=Mode.SNAPSHOT,
    key=("id",),
    version=(),
    cursor="none",
    deletes=Deletes("ids that vanish from the listing: deleted, or merged into another prospect"),
    ignored=("type", "links", "attributes", "relationships"),
)

RESOURCES = {
    "prospects": ("prospects", "prospect"),
    "prospect_ids": ("prospects", "prospect"),
    "mailings": ("mailings", "mailing"),
    "tasks": ("tasks", "task"),
    "sequences": ("sequences", "sequence"),
    "sequence_states": ("sequenceStates", "sequenceState"),
}
"""By stream: the resource's path and its type name."""

STREAMS = (
    _resource(
        "prospects",
        contracts.Prospect,
        deletes=Deletes("trashedAt; those deleted for good: prospect_ids", at="trashed_at"),
    ),
    PROSPECT_IDS,
    _resource("mailings", contracts.Mailing),
    _resource("tasks", contracts.Task),
    _resource("sequences", contracts.Sequence),
    _resource("sequence_states", contracts.SequenceState),
)
