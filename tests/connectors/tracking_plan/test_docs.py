"""The plan in words, as dbt and its documentation show it."""

from __future__ import annotations

from connectors.hubspot.streams import STREAMS as HUBSPOT
from connectors.mixpanel.streams import EVENTS
from connectors.tracking_plan.docs import planned_events
from connectors.tracking_plan.plan import Plan, PlanFile

PLAN = PlanFile.model_validate(
    {
        "source": "mixpanel",
        "owner": "growth",
        "properties": {"platform": {"type": "text", "description": "web or ios."}},
        "events": [
            {
                "name": "Invite Sent",
                "description": "A member invited somebody.",
                "requires_user": True,
                "daily_budget": 1500,
                "properties": {
                    "workspace_id": {"type": "integer", "required": True},
                    "channel": {"type": "text"},
                },
            }
        ],
    }
)


def test_every_event_is_told_with_owner_budget_and_typed_properties() -> None:
    assert planned_events(EVENTS, Plan((("plan.yml", PLAN),), ())).splitlines()[2:] == [
        "| event | means | owner | a day | properties |",
        "|---|---|---|---|---|",
        "| Invite Sent | A member invited somebody. | growth | up to 1,500 | user id*, "
        "`workspace_id`* integer, `channel` text |",
        "",
        "Of every event:",
        "",
        "- `platform` (text): web or ios.",
    ]


def test_a_source_without_events_has_no_table() -> None:
    assert planned_events(HUBSPOT[0]) == ""
