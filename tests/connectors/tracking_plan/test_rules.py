"""What the landing engine does with events that break the plan."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors.event_files.streams import EVENTS as FILE_EVENTS
from connectors.mixpanel.streams import EVENTS as MIXPANEL_EVENTS
from connectors.raw_tables import ensure_raw_tables
from connectors.stream import Stream
from connectors.tracking_plan.observed import budget_breaches, observe
from connectors.tracking_plan.plan import Plan, PlanFile
from connectors.tracking_plan.rules import rules_of
from tests.connectors.event_folder import message
from tests.connectors.streams_under_test import Shop

PROPERTIES = {
    "title": {"type": "text"},
    "size": {"type": "integer"},
    "price": {"type": "number"},
    "is_gift": {"type": "boolean"},
    "due_at": {"type": "moment"},
    "day": {"type": "date"},
    "tags": {"type": "list"},
    "address": {"type": "object"},
}
EVENTS = [
    {"name": "Order Placed", "requires_user": True, "daily_budget": 2, "properties": PROPERTIES},
    {"name": "Page Viewed", "properties": {"article": {"type": "text", "required": True}}},
]


def plan_for(source: str) -> Plan:
    content = {"source": source, "properties": {"platform": {"type": "text"}}, "events": EVENTS}
    return Plan((("plan.yml", PlanFile.model_validate(content)),), ())


def planned(stream: Stream) -> Stream:
    return replace(stream, rules=lambda s: rules_of(plan_for(stream.source), s))


STREAMS = {"mixpanel": planned(MIXPANEL_EVENTS), "event_files": planned(FILE_EVENTS)}


@pytest.fixture(params=sorted(STREAMS))
def stream(request: pytest.FixtureRequest) -> Stream:
    return STREAMS[request.param]


@pytest.fixture
def shop(tmp_path: Path, stream: Stream) -> Shop:
    shop = Shop(tmp_path)
    ensure_raw_tables(shop.connection, (stream,))
    return shop


def record(stream: Stream, number: int, name: str, user: str | None = "7", **fields: Any) -> Any:
    """The same event as each source delivers it."""
    if stream.source == "event_files":
        return message(number, type="track", event=name, userId=user, properties=fields)
    own = {
        "time": 1_756_382_400 + number,
        "distinct_id": user or "$device:d",
        "$insert_id": f"i-{number}",
        "$user_id": user,
        "mp_lib": "web",
    }
    return {"event": name, "properties": {**own, **fields}}


def reasons(shop: Shop) -> list[str]:
    return [row[0] for row in shop.rows("select reason from landing.quarantine order by all")]


def test_events_that_keep_the_plan_land(shop: Shop, stream: Stream) -> None:
    whole = {
        "title": "Lunch", "size": 3, "price": 4.5, "is_gift": False, "tags": ["a"],
        "day": "2025-08-28", "due_at": "2025-08-28T12:00:00Z", "address": {"city": "Bern"},
        "platform": "web",
    }  # fmt: skip
    result = shop.load(
        stream,
        [
            record(stream, 1, "Order Placed", **whole),
            record(stream, 2, "Order Placed"),
            record(stream, 3, "Order Placed", **dict.fromkeys(PROPERTIES)),
            record(stream, 4, "Order Placed", price=4, size=-3),
            record(stream, 5, "Page Viewed", user=None, article="budgets"),
        ],
    )
    assert (reasons(shop), result.landed) == ([], 5)


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("title", 5, "text"),
        ("title", {"a": 1}, "text"),
        ("size", "3", "a whole number"),
        ("size", 3.5, "a whole number"),
        ("price", "4.5", "a number"),
        ("is_gift", "true", "true or false"),
        ("is_gift", 1, "true or false"),
        ("due_at", "soon", "a moment"),
        ("due_at", 1_756_382_400, "a moment"),
        ("day", "28.8.2025", "a date"),
        ("tags", "a", "a list"),
        ("address", ["Bern"], "an object"),
    ],
)
def test_a_property_of_another_type_is_quarantined(
    shop: Shop, stream: Stream, name: str, value: object, what: str
) -> None:
    assert shop.load(stream, [record(stream, 1, "Order Placed", **{name: value})]).quarantined == 1
    shown = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    assert reasons(shop) == [
        f"tracking plan: property {name} of Order Placed: value '{shown}' is not {what}"
    ]


def test_unknown_events_missing_users_and_missing_properties_are_quarantined(
    shop: Shop, stream: Stream
) -> None:
    result = shop.load(
        stream,
        [
            record(stream, 1, "Order Placd"),
            record(stream, 2, "Order Placed", user=None),
            record(stream, 3, "Page Viewed", user=None),
            record(stream, 4, "Order Placed", user=None, size="3"),
        ],
    )
    assert (result.landed, result.quarantined) == (0, 4)
    assert reasons(shop) == [
        "tracking plan: Order Placed needs a user id",
        "tracking plan: Order Placed needs a user id; "
        "tracking plan: property size of Order Placed: value '3' is not a whole number",
        "tracking plan: Page Viewed needs the property article",
        "tracking plan: event 'Order Placd' is not in it",
    ]


def test_a_source_without_a_plan_is_not_judged(shop: Shop, stream: Stream) -> None:
    free = replace(stream, rules=lambda s: rules_of(plan_for("another"), s))
    assert shop.load(free, [record(stream, 1, "Anything goes")]).landed == 1


def test_records_without_an_event_name_are_not_of_the_plan(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    stream = STREAMS["event_files"]
    ensure_raw_tables(shop.connection, (stream,))
    assert shop.load(stream, [message(1), message(2, type="identify")]).landed == 2


def test_what_was_observed_beside_the_plan(shop: Shop, stream: Stream) -> None:
    free = replace(stream, rules=lambda _: ())
    shop.load(
        free, [record(stream, n, "Order Placed", platform="web", colour="red") for n in (1, 2, 3)]
    )
    shop.load(free, [record(stream, 4, "Old Event Sent", shape="round")])
    shop.load(stream, [record(stream, 5, "Order Placed", size="x"), record(stream, 6, "Nope")])
    found = observe(shop.connection, plan_for(stream.source), stream)
    assert [(item.kind, item.subject, item.message) for item in found] == [
        ("unknown event", "Old Event Sent", "1 landed, the last on 2025-08-28"),
        ("unknown property", "Order Placed: colour", "3 events carry it"),
        ("over budget", "Order Placed", "3 on 2025-08-28; budget 2 a day; days over it: 1"),
        ("quarantined", "Nope", "1 records: event 'Nope' is not in it"),
        ("quarantined", "Order Placed",
         "1 records: property size of Order Placed: value is not a whole number"),
    ]  # fmt: skip
    assert observe(shop.connection, plan_for("another"), stream) == []


def test_a_budget_counts_landed_events_by_utc_day(shop: Shop, stream: Stream) -> None:
    shop.load(stream, [record(stream, n, "Order Placed") for n in (1, 2)])
    plan = plan_for(stream.source)
    assert budget_breaches(shop.connection, plan, stream) == []
    shop.load(stream, [record(stream, 3, "Order Placed")])
    [breach] = budget_breaches(shop.connection, plan, stream)
    assert (breach.event, breach.budget, breach.most, breach.worst_day) == (
        "Order Placed", 2, 3, date(2025, 8, 28),
    )  # fmt: skip
    assert budget_breaches(shop.connection, plan, stream, since=date(2025, 8, 29)) == []
