"""The one stream of files of events: what their lines say."""

from __future__ import annotations

from connectors.event_files.contracts import Event
from connectors.rules import Rule
from connectors.stream import Deletes, Mode, Stream
from connectors.tracking_plan.rules import plan_rules

TYPES = ("track", "identify", "page", "screen", "group", "alias")

SPEC = (
    Rule(
        f"type not in ({', '.join(repr(name) for name in TYPES)})",
        "concat('column type (type): value ''', left(type, 100), ''' is none of "
        f"{', '.join(TYPES)}')",
    ),
    Rule(
        "type = 'track' and nullif(trim(event), '') is null",
        "'column event (event): missing, but a track has an event name'",
    ),
    Rule(
        "type = 'group' and nullif(trim(group_id), '') is null",
        "'column group_id (groupId): missing, but a group has one'",
    ),
    Rule(
        "type = 'alias' and nullif(trim(previous_id), '') is null",
        "'column previous_id (previousId): missing, but an alias has one'",
    ),
    Rule(
        "nullif(trim(user_id), '') is null and nullif(trim(anonymous_id), '') is null",
        "'neither user_id (userId) nor anonymous_id (anonymousId) says who it was'",
    ),
)
"""What Segment's spec demands of a message beyond the types of its fields."""

EVENTS = Stream(
    source="event_files",
    name="events",
    contract=Event,
    mode=Mode.APPEND,
    key=("message_id",),
    version=("received_at",),
    cursor="files read",
    deletes=Deletes("none: a file that is removed takes nothing back"),
    ignored=("integrations", "version", "projectId", "writeKey", "_metadata"),
    rules=lambda stream: SPEC + plan_rules(stream),
)

STREAMS = (EVENTS,)
