"""Mixpanel: events imported under the account."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import Any

from sandbox.credentials import ACCOUNTS_PROJECT_ID
from syncs.state import RunStatus
from tests.syncs.world import World


def event(number: int, **changes: Any) -> tuple[Any, ...]:
    row = {
        "insert_id": f"{number:032d}",
        "event": "Group Order Created",
        "event_at": datetime(2025, 8, 27, 12, 0, number % 60),
        "distinct_id": "0015f00000ABCDEAA0",
        "user_id": str(number),
        "workspace_id": "9",
        "platform": None,
        **changes,
    }
    return tuple(row.values())


def imported(world: World) -> list[dict[str, Any]]:
    folder = world.served.home / "mixpanel" / "events" / str(ACCOUNTS_PROJECT_ID)
    return [
        json.loads(line)
        for file in sorted(folder.glob("*.ndjson.gz"))
        for line in gzip.open(file, "rt", encoding="utf-8")
    ]


def test_events_go_to_the_account_with_the_user_as_a_property(world):
    world.model("mixpanel__account_events", *(event(n) for n in range(2500)))
    result = world.run("mixpanel__account_events")
    assert (result.status, result.created, result.least_calls) == (RunStatus.CLEAN, 2500, 2)
    events = imported(world)
    assert len(events) == 2500
    first = next(e for e in events if e["properties"]["user_id"] == "7")
    assert first["properties"]["distinct_id"] == "0015f00000ABCDEAA0"
    assert first["properties"]["time"] == int(
        datetime(2025, 8, 27, 12, 0, 7, tzinfo=UTC).timestamp()
    )
    assert "platform" not in first["properties"]
    assert world.run("mixpanel__account_events").calls == 0


def test_a_refused_event_is_named_and_the_others_are_stored(world):
    world.model("mixpanel__account_events", event(1), event(2, distinct_id="undefined"))
    result = world.run("mixpanel__account_events")
    assert (result.created, result.rejected) == (1, 1)
    assert result.refusals[0].example_key == f"{2:032d}"
    assert len(imported(world)) == 1
