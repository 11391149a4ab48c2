"""The streams of the support desk: tickets, their events, users, organizations and chats."""

from __future__ import annotations

from datetime import timedelta

from connectors.contract import Contract
from connectors.stream import Deletes, Mode, Overlap, Stream
from connectors.support import contracts

OWN_CURSOR = Overlap(
    timedelta(0),
    "the export holds back what changed in the last minute, so nothing turns up behind its cursor",
)
INCLUSIVE = Overlap(
    timedelta(0),
    "an export by time gives the records of its last second once more",
)


def _export(
    name: str,
    contract: type[Contract],
    *,
    version: str,
    cursor: str,
    deletes: Deletes,
    overlap: Overlap,
    ignored: tuple[str, ...] = (),
) -> Stream:
    return Stream(
        source="support",
        name=name,
        contract=contract,
        mode=Mode.MERGE,
        key=("id",),
        version=(version,),
        cursor=cursor,
        deletes=deletes,
        overlap=overlap,
        ignored=("url", *ignored),
    )


TICKETS = _export(
    "tickets",
    contracts.Ticket,
    # updated_at stays where it was when Zendesk itself changes a ticket.
    version="generated_at",
    cursor="after_cursor",
    deletes=Deletes("status deleted in the export", flag="is_deleted", at="updated_at"),
    overlap=OWN_CURSOR,
    # The same list under the name it had before; the subject before dynamic content is filled in.
    ignored=("fields", "raw_subject"),
)
TICKET_EVENTS = _export(
    "ticket_events",
    contracts.TicketEvent,
    version="occurred_at",
    cursor="end_time",
    deletes=Deletes("with its ticket"),
    overlap=INCLUSIVE,
)
USERS = _export(
    "users",
    contracts.User,
    version="updated_at",
    cursor="after_cursor",
    deletes=Deletes("active false in the export", flag="is_deleted", at="updated_at"),
    overlap=OWN_CURSOR,
)
ORGANIZATIONS = _export(
    "organizations",
    contracts.Organization,
    version="updated_at",
    cursor="end_time",
    deletes=Deletes("deleted_at in the export", at="deleted_at"),
    overlap=INCLUSIVE,
)
CHATS = _export(
    "chats",
    contracts.Chat,
    version="updated_at",
    cursor="end_time",
    deletes=Deletes("deleted true in the export", flag="is_deleted", at="updated_at"),
    overlap=INCLUSIVE,
)

STREAMS = (TICKETS, TICKET_EVENTS, USERS, ORGANIZATIONS, CHATS)
