"""The one stream of Mixpanel: events."""

from __future__ import annotations

from datetime import timedelta

from connectors.day_exports import DAY
from connectors.mixpanel.contracts import Event
from connectors.stream import Deletes, Mode, Overlap, Stream
from connectors.tracking_plan.rules import plan_rules

OVERLAP = Overlap(
    timedelta(days=5),
    "an event lands on the day it happened, and Mixpanel's clients may send it up to five days "
    "late; what is imported later than that needs a backfill of its days",
)

EVENTS = Stream(
    source="mixpanel",
    name="events",
    contract=Event,
    mode=Mode.APPEND,
    key=("event", "distinct_id", "event_at", "insert_id"),
    version=("processed_at_ms",),
    cursor=DAY,
    deletes=Deletes("none: the export never takes an event back"),
    overlap=OVERLAP,
    rules=plan_rules,
)

STREAMS = (EVENTS,)
