"""From the plan to SQL: which events break it. Evaluated by the landing engine over whole loads."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.landing_checks import LONGEST_VALUE
from connectors.rules import Rule
from connectors.stream import Stream
from connectors.tracking_plan.places import place
from connectors.tracking_plan.plan import Plan, PlanFile, PropertyType, current_plan
from headwater.warehouse import literal

MARK = "tracking plan: "
"""How the reasons begin, in quarantine."""
_WORDS = {
    PropertyType.TEXT: "text",
    PropertyType.INTEGER: "a whole number",
    PropertyType.NUMBER: "a number",
    PropertyType.BOOLEAN: "true or false",
    PropertyType.MOMENT: "a moment",
    PropertyType.DATE: "a date",
    PropertyType.LIST: "a list",
    PropertyType.OBJECT: "an object",
}


def plan_rules(stream: Stream) -> tuple[Rule, ...]:
    """The rules of the current plan for a stream; none where the plan has no file about its source.

    The stream has the columns ``event`` and ``user_id``. Records without an event name (a page
    view or an identification of Segment's spec) are not of the plan. Raises
    :class:`headwater.errors.DefinitionError` when the plan cannot be read.
    """
    return rules_of(current_plan(), stream)


def rules_of(plan: Plan, stream: Stream) -> tuple[Rule, ...]:
    """As :func:`plan_rules`, for this plan."""
    files = tuple(file for file in plan.of(stream.source) if file.events)
    if not files:
        return ()
    return (_unknown_events(files), *_missing_users(files), *_properties(files, stream))


def _unknown_events(files: tuple[PlanFile, ...]) -> Rule:
    known = _names(event.name for file in files for event in file.events)
    return Rule(  # a cast looks names up in a table, four times as fast as a list of them
        f"event is not null and try_cast(event as enum ({known})) is null",
        f"concat({literal(MARK + 'event ')}, '''', left(event, {LONGEST_VALUE}), '''', "
        "' is not in it')",
    )


def _missing_users(files: tuple[PlanFile, ...]) -> list[Rule]:
    names = [event.name for file in files for event in file.events if event.requires_user]
    if not names:
        return []
    return [
        Rule(
            f"case when nullif(user_id, '') is null then event in ({_names(names)}) else false end",
            f"concat({literal(MARK)}, event, ' needs a user id')",
        )
    ]


def _properties(files: tuple[PlanFile, ...], stream: Stream) -> list[Rule]:
    typed: dict[tuple[str, PropertyType], list[str]] = {}
    required: dict[str, list[str]] = {}
    for file in files:
        for event in file.events:
            for name, declared in file.properties_of(event).items():
                typed.setdefault((name, declared.type), []).append(event.name)
                if declared.required:
                    required.setdefault(name, []).append(event.name)
    rules = []
    for (name, type_), events in typed.items():
        where = place(stream, name)
        wrong = where.is_not(type_)
        if wrong is not None:
            rules.append(
                Rule(
                    f"case when {where.holder} is not null and event in ({_names(events)}) "
                    f"then {wrong} else false end",
                    f"concat({literal(f'{MARK}property {name} of ')}, event, ': value ''', "
                    f"left({where.shown}, {LONGEST_VALUE}), ''' is not {_WORDS[type_]}')",
                )
            )
    for name, events in required.items():
        where = place(stream, name)
        rules.append(
            Rule(
                f"case when {where.missing} then event in ({_names(events)}) else false end"
                if where.column is not None  # the cheaper question first
                else f"case when event in ({_names(events)}) then {where.missing} else false end",
                f"concat({literal(MARK)}, event, {literal(f' needs the property {name}')})",
            )
        )
    return rules


def _names(events: Iterable[str]) -> str:
    return ", ".join(literal(name) for name in dict.fromkeys(events))
