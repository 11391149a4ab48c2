"""The tracking plan in words, for those who read events: a table of events and their properties."""

from __future__ import annotations

from connectors.stream import Stream
from connectors.tracking_plan.plan import Plan, PlanFile, PlannedEvent, current_plan


def planned_events(stream: Stream, plan: Plan | None = None) -> str:
    """Markdown: the events that a stream may hold, each with its owner and typed properties.

    Empty for a stream whose source has no plan. Raises
    :class:`headwater.errors.DefinitionError` when the plan cannot be read.
    """
    files = (plan or current_plan()).of(stream.source)
    rows = [_row(file, event) for file in files for event in file.events]
    if not rows:
        return ""
    shared = [
        f"- `{name}` ({declared.type}): {declared.description}"
        for file in files
        for name, declared in file.properties.items()
    ]
    lines = ["Events of the tracking plan; a star marks what an event must have:", ""]
    lines += ["| event | means | owner | a day | properties |", "|---|---|---|---|---|", *rows]
    if shared:
        lines += ["", "Of every event:", "", *shared]
    return "\n".join(lines)


def _row(file: PlanFile, event: PlannedEvent) -> str:
    properties = [
        f"`{name}`{'*' if declared.required else ''} {declared.type}"
        for name, declared in event.properties.items()
    ]
    needs = ["user id*"] if event.requires_user else []
    cells = [
        event.name,
        event.description,
        event.owner or file.owner or "",
        f"up to {event.daily_budget:,}" if event.daily_budget else "",
        ", ".join(needs + properties),
    ]
    return "| " + " | ".join(cells) + " |"
