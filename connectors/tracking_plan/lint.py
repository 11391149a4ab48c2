"""Checks the tracking plan itself: can it be read, is it named well, is everything said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from connectors.stream import Stream
from connectors.tracking_plan.naming import naming, plain
from connectors.tracking_plan.places import COLUMN_TYPES, follows_a_plan, own_columns
from connectors.tracking_plan.plan import Plan, PlanFile, PlannedEvent, Property


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: in which file, with which event or property, by which rule."""

    file: str
    subject: str
    rule: str
    message: str


Named = tuple[str, PlanFile]
Streams = Mapping[str, Stream]


def lint(plan: Plan, streams: Sequence[Stream]) -> list[Finding]:
    """Everything that is wrong with a plan, in the order of its files.

    ``streams`` are those of all sources: a plan speaks of sources that deliver events.
    """
    by_source = {stream.source: stream for stream in streams if follows_a_plan(stream)}
    findings = [Finding(p.file, p.where, "readable", p.message) for p in plan.problems]
    for name, file in plan.files:
        for rule in FILE_RULES:
            findings.extend(rule(name, file, by_source))
    findings.extend(_named_twice(plan.files))
    findings.extend(_typed_twice(plan.files))
    return findings


def _source(name: str, file: PlanFile, streams: Streams) -> Iterator[Finding]:
    if file.source not in streams:
        known = ", ".join(sorted(streams))
        yield Finding(name, file.source, "source", f"is no source of events; those are: {known}")


def _event_names(name: str, file: PlanFile, _: Streams) -> Iterator[Finding]:
    for event in file.events:
        for fault in naming().faults_of_event(event.name):
            yield Finding(name, event.name, "naming", fault)


def _everything_said(name: str, file: PlanFile, _: Streams) -> Iterator[Finding]:
    for event in file.events:
        said = {
            "owner": (event.owner or file.owner, "has no owner, and its file names none"),
            "description": (event.description, "has no description"),
            "daily_budget": (event.daily_budget, "has no daily_budget"),
        }
        for rule, (value, message) in said.items():
            if not value:
                yield Finding(name, event.name, rule, message)


def _property_names(name: str, file: PlanFile, _: Streams) -> Iterator[Finding]:
    for subject, declared in _declarations(file):
        first: dict[str, str] = {}
        for property_name in declared:
            where = f"{subject}: {property_name}"
            if not naming().is_good_property(property_name):
                yield Finding(name, where, "naming", "is not written in small_letters")
            twin = first.setdefault(plain(property_name), property_name)
            if twin != property_name:
                yield Finding(name, where, "duplicate", f"is named like {twin}")


def _property_descriptions(name: str, file: PlanFile, _: Streams) -> Iterator[Finding]:
    for subject, declared in _declarations(file):
        for property_name, told in declared.items():
            if not told.description:
                where = f"{subject}: {property_name}"
                yield Finding(name, where, "description", "has no description")


def _property_columns(name: str, file: PlanFile, streams: Streams) -> Iterator[Finding]:
    stream = streams.get(file.source)
    columns = own_columns(stream) if stream is not None else {}
    for subject, declared in _declarations(file):
        for property_name, told in declared.items():
            column = columns.get(property_name)
            if column is not None and column.type != COLUMN_TYPES[told.type]:
                yield Finding(
                    name,
                    f"{subject}: {property_name}",
                    "type",
                    f"is {told.type} here and {column.type} in the contract of {file.source}",
                )


def _named_twice(files: Sequence[Named]) -> Iterator[Finding]:
    """The same event twice for one source, or two names that probably mean one event."""
    events = [(name, file, event) for name, file in files for event in file.events]
    for (_, file, event), (other_name, other_file, other) in combinations(events, 2):
        if event.name == other.name:
            if file.source == other_file.source:
                yield Finding(other_name, other.name, "duplicate", "stands in the plan twice")
        elif naming().are_alike(event.name, other.name):
            yield Finding(
                other_name, other.name, "near-duplicate", f"is named almost like {event.name}"
            )


def _typed_twice(files: Sequence[Named]) -> Iterator[Finding]:
    """A property that is of one type here and of another there."""
    first: dict[tuple[str, str], tuple[str, Property]] = {}
    for name, file in files:
        for subject, declared in _declarations(file):
            for property_name, told in declared.items():
                key = (file.source, property_name)
                where, earlier = first.setdefault(key, (subject, told))
                if earlier.type is not told.type:
                    yield Finding(
                        name,
                        f"{subject}: {property_name}",
                        "type",
                        f"is {told.type} here and {earlier.type} at {where}",
                    )


def _declarations(file: PlanFile) -> Iterator[tuple[str, Mapping[str, Property]]]:
    """The properties of every event, then those of each."""
    yield "every event", file.properties
    event: PlannedEvent
    for event in file.events:
        yield event.name, event.properties


FileRule = Callable[[str, PlanFile, Streams], Iterator[Finding]]
FILE_RULES: tuple[FileRule, ...] = (
    _source,
    _event_names,
    _everything_said,
    _property_names,
    _property_descriptions,
    _property_columns,
)
