"""What landed, beside the tracking plan: unplanned events and properties, volume over budget."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from connectors.landing_checks import json_path
from connectors.raw_tables import table_name
from connectors.stream import Stream
from connectors.tracking_plan.naming import naming
from connectors.tracking_plan.places import own_columns, properties_object
from connectors.tracking_plan.plan import Plan, PlanFile, PlannedEvent
from connectors.tracking_plan.rules import MARK
from headwater.warehouse import literal, quote


@dataclass(frozen=True)
class Departure:
    """One way in which what came departs from the plan; ``kind`` is one of KINDS."""

    source: str
    kind: str
    subject: str
    message: str


UNKNOWN_EVENT = "unknown event"
UNKNOWN_PROPERTY = "unknown property"
OVER_BUDGET = "over budget"
QUARANTINED = "quarantined"
KINDS = (UNKNOWN_EVENT, UNKNOWN_PROPERTY, OVER_BUDGET, QUARANTINED)


@dataclass(frozen=True)
class BudgetBreach:
    """An event that came more often than planned: on so many UTC days, most on ``worst_day``."""

    event: str
    budget: int
    days: int
    worst_day: date
    most: int


def observe(connection: duckdb.DuckDBPyConnection, plan: Plan, stream: Stream) -> list[Departure]:
    """Every departure of a stream's landed and quarantined events; none without a plan for it.

    Events that somebody sent before the plan was there count, too: they stand in the raw table.
    """
    files = plan.of(stream.source)
    if not files:
        return []
    found = [
        *_unknown_events(connection, files, stream),
        *_unknown_properties(connection, files, stream),
        *(
            (
                OVER_BUDGET,
                breach.event,
                f"{breach.most} on {breach.worst_day}; budget {breach.budget} a day; "
                f"days over it: {breach.days}",
            )
            for breach in budget_breaches(connection, plan, stream)
        ),
        *_quarantined(connection, stream),
    ]
    return [Departure(stream.source, *row) for row in found]


def budget_breaches(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    stream: Stream,
    since: date | None = None,
) -> list[BudgetBreach]:
    """The events whose count on a UTC day, from ``since`` on, is over the plan's budget."""
    budgets = [
        (event.name, event.daily_budget)
        for event in _events(plan.of(stream.source))
        if event.daily_budget is not None
    ]
    rows = connection.execute(
        f"""
        with budgets as (
            select unnest($names) as event, unnest($budgets) as budget
        ),
        daily as (
            select event, cast(event_at as date) as day, count(*) as events
            from {table_name(stream)}
            where $since is null or event_at >= $since
            group by event, day
        )
        select
            daily.event, any_value(budgets.budget), count(*),
            arg_max(daily.day, row(daily.events, daily.day)), max(daily.events)
        from daily
        inner join budgets on daily.event = budgets.event
        where daily.events > budgets.budget
        group by daily.event
        order by daily.event
        """,
        {
            "names": [name for name, _ in budgets],
            "budgets": [budget for _, budget in budgets],
            "since": since,
        },
    ).fetchall()
    return [BudgetBreach(*row) for row in rows]


def _unknown_events(
    connection: duckdb.DuckDBPyConnection, files: tuple[PlanFile, ...], stream: Stream
) -> list[tuple[str, str, str]]:
    rows = connection.execute(
        f"""
        select event, count(*), max(cast(event_at as date))
        from {table_name(stream)}
        where event is not null and not list_contains($known, event)
        group by event
        order by event
        """,
        {"known": [event.name for event in _events(files)]},
    ).fetchall()
    return [
        (UNKNOWN_EVENT, name, f"{count} landed, the last on {last}") for name, count, last in rows
    ]


def _unknown_properties(
    connection: duckdb.DuckDBPyConnection, files: tuple[PlanFile, ...], stream: Stream
) -> list[tuple[str, str, str]]:
    """Properties of planned events that the plan does not name, and no vendor adds by itself."""
    planned = {
        event.name: set(file.properties_of(event)) for file in files for event in file.events
    }
    holder, path = properties_object(stream)
    inside = f"""
        select event, name, count(*) as events
        from (
            select event, unnest(json_keys({holder}, {literal(json_path(path))})) as name
            from {table_name(stream)}
            where event is not null and {holder} is not null
        )
        group by event, name
    """
    counts = ", ".join(
        f"{{'name': {literal(name)}, 'events': count({quote(column.name)})}}"
        for name, column in own_columns(stream).items()
    )
    in_columns = f"""
        select event, found.name, found.events
        from (
            select event, unnest([{counts}]) as found
            from {table_name(stream)}
            where event is not null
            group by event
        )
        where found.events > 0
    """
    selects = [inside, in_columns] if counts else [inside]
    rows = connection.execute(" union all ".join(selects) + " order by event, name").fetchall()
    return [
        (UNKNOWN_PROPERTY, f"{event}: {name}", f"{count} events carry it")
        for event, name, count in rows
        if event in planned and name not in planned[event] and not naming().is_of_vendor(name)
    ]


def _quarantined(
    connection: duckdb.DuckDBPyConnection, stream: Stream
) -> list[tuple[str, str, str]]:
    """What the plan keeps in quarantine, by event and by what it breaks."""
    rows = connection.execute(
        """
        select
            coalesce(case when json_valid(record) then record ->> '$.event' end, '') as event,
            regexp_replace(substr(part, length($mark) + 1), $value, 'value is') as broken,
            count(*)
        from (
            select record, unnest(string_split(reason, '; ')) as part
            from landing.quarantine
            where source = $source and stream = $stream
        )
        where starts_with(part, $mark)
        group by event, broken
        order by event, broken
        """,
        {
            "source": stream.source,
            "stream": stream.name,
            "mark": MARK,
            "value": "value '.*' is",
        },
    ).fetchall()
    return [(QUARANTINED, event, f"{count} records: {broken}") for event, broken, count in rows]


def _events(files: tuple[PlanFile, ...]) -> list[PlannedEvent]:
    return [event for file in files for event in file.events]
