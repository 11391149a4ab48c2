"""The tracking plan: which events there are, what they carry, who owns them, how many there may be.

One YAML file per source (and area, where a source has several) in ``plans/``:

    source: mixpanel
    owner: product-analytics          # of events that name none
    properties: {...}                 # of every event of the file
    events:
      - name: Group Order Shared      # Object Action, in the past tense
        description: ...
        owner: growth
        requires_user: true           # is quarantined without a user id
        daily_budget: 2000            # events a day; more of them are reported
        properties:
          order_id: {type: integer, required: true, description: ...}
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headwater.errors import DefinitionError

PLANS = Path(__file__).parent / "plans"


class PropertyType(StrEnum):
    """What a property holds. A moment is ISO 8601 text."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    MOMENT = "moment"
    DATE = "date"
    LIST = "list"
    OBJECT = "object"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Property(_Part):
    """A property of an event. ``required``: an event without it is quarantined."""

    type: PropertyType
    description: str = ""
    required: bool = False


class PlannedEvent(_Part):
    """One event of the plan; ``daily_budget`` is in events a UTC day."""

    name: str = Field(min_length=1)
    description: str = ""
    owner: str | None = None
    requires_user: bool = False
    daily_budget: int | None = Field(default=None, ge=1)
    properties: dict[str, Property] = {}


class PlanFile(_Part):
    """One file of the plan: the events of one source, or of one area of it."""

    source: str
    owner: str | None = None
    properties: dict[str, Property] = {}
    events: tuple[PlannedEvent, ...] = ()

    def properties_of(self, event: PlannedEvent) -> dict[str, Property]:
        """All properties that an event may carry, those of every event first."""
        return {**self.properties, **event.properties}


@dataclass(frozen=True)
class Problem:
    """A file that cannot be read as a plan, and why."""

    file: str
    where: str
    message: str


@dataclass(frozen=True)
class Plan:
    """All files of a plan by name, and what could not be read."""

    files: tuple[tuple[str, PlanFile], ...]
    problems: tuple[Problem, ...]

    def of(self, source: str) -> tuple[PlanFile, ...]:
        """The files about a source."""
        return tuple(file for _, file in self.files if file.source == source)


def read_plan(folder: Path = PLANS) -> Plan:
    """Read every file of a plan; what cannot be read is told in ``problems``.

    Raises :class:`headwater.errors.DefinitionError` when there is no such folder.
    """
    if not folder.is_dir():
        raise DefinitionError(
            f"There is no folder {folder} with a tracking plan.",
            next_step="Name the folder that holds its YAML files.",
        )
    files, problems = [], []
    for path in sorted(folder.glob("*.yml")):
        try:
            files.append((path.name, _parse(path)))
        except yaml.YAMLError as error:
            problems.append(Problem(path.name, "", f"is not YAML: {' '.join(str(error).split())}"))
        except ValidationError as error:
            problems.extend(
                Problem(path.name, _where(item["loc"]), _what(item["msg"]))
                for item in error.errors(include_url=False, include_context=False)
            )
    return Plan(tuple(files), tuple(problems))


@cache
def current_plan(folder: Path = PLANS) -> Plan:
    """The plan that events are judged by, read once.

    Raises :class:`headwater.errors.DefinitionError` naming every part that cannot be read.
    """
    plan = read_plan(folder)
    if plan.problems:
        told = "; ".join(f"{p.file} {p.where} {p.message}".strip() for p in plan.problems)
        raise DefinitionError(
            f"The tracking plan in {folder} cannot be read: {told}.",
            next_step="headwater tracking lint shows each problem; correct the files.",
        )
    return plan


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a mapping that names a key twice, of which YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [self.construct_object(key, deep=True) for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{name} stands there twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def _parse(path: Path) -> PlanFile:
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)  # noqa: S506 - safe
    return PlanFile.model_validate(content)


def _where(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)


def _what(message: str) -> str:
    return message[:1].lower() + message[1:]
