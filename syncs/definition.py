"""What a sync definition file says, checked before anything runs.

A definition names a model, where its rows go, which column becomes which field, and what the
absence of a row means. Errors name the file, the line and the field.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from headwater.errors import DefinitionError

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
FieldName = Annotated[str, Field(pattern=r'^[^"\\]+$')]
"""What stands in a path of JSON, which knows no way to write a quotation mark."""


class Mode(StrEnum):
    """What a sync may do to the destination's records."""

    UPSERT = "upsert"  # create what is missing, update what differs
    UPDATE = "update"  # only records that exist
    CREATE = "create"  # once per key; afterwards the record belongs to the destination
    MIRROR = "mirror"  # the destination holds the model's rows, of those that we put there
    APPEND = "append"  # events: once per key, never changed


class Removal(StrEnum):
    """What it means that a key which we delivered is no longer in the model."""

    IGNORE = "ignore"
    CLEAR = "clear"  # the fields named in ``removal.fields`` become null
    DELETE = "delete"  # the record is deleted
    REMOVE_MEMBER = "remove_member"  # the key leaves the list or segment


class Policy(StrEnum):
    """Whose word counts when a field has a value on both sides."""

    OVERWRITE = "overwrite"  # ours, null included
    FILL_EMPTY = "fill_empty"  # ours only where the destination has none
    NEVER_NULL = "never_null"  # ours, but a null of ours leaves the destination's value


class Edits(StrEnum):
    """What becomes of a field that somebody else changed since our last write."""

    OVERWRITE = "overwrite"  # ours, without looking
    REPORT = "report"  # told, then ours
    KEEP = "keep"  # told, and theirs stays


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KeyMap(_Part):
    """The model column that identifies a row, and the destination's field for it."""

    column: Identifier
    field: str


class FieldMap(_Part):
    """One model column and the destination field it goes to.

    ``adopt`` names a model column with the destination's value as landed: where it already equals
    ours, the value counts as acknowledged and no call is made for it. ``edits`` says what becomes
    of a value that people changed since; all but ``overwrite`` cost a look before an update.
    """

    column: Identifier
    field: FieldName
    policy: Policy = Policy.OVERWRITE
    edits: Edits = Edits.OVERWRITE
    adopt: Identifier | None = None


class RemovalRule(_Part):
    """What removal means, and which fields it clears."""

    action: Removal = Removal.IGNORE
    fields: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fields_with_clear(self) -> RemovalRule:
        if (self.action is Removal.CLEAR) != bool(self.fields):
            raise ValueError("`fields` belongs to `action: clear`, and clear needs it")
        return self


class Guards(_Part):
    """Limits that stop the whole run before the first call when a plan breaks them.

    ``min_rows``: rows that the model must have. ``allow_empty``: an empty model may take away what
    was delivered. ``max_removed_share`` and ``max_changed_share``: removals and updates as a share
    of the keys acknowledged so far, asked from ``removed_share_from`` and ``changed_share_from``
    keys on. ``max_growth``: how many times the rows of the last run the model may have, asked from
    ``growth_from`` rows on. ``max_created`` and ``max_rows``: creates and rows per run.
    """

    min_rows: int = Field(default=0, ge=0)
    allow_empty: bool = False
    max_rows: int | None = Field(default=None, ge=1)
    max_created: int | None = Field(default=None, ge=0)
    max_removed_share: float = Field(default=0.3, ge=0, le=1)
    removed_share_from: int = Field(default=20, ge=1)
    max_changed_share: float = Field(default=0.5, ge=0, le=1)
    changed_share_from: int = Field(default=100, ge=1)
    max_growth: float = Field(default=3.0, ge=1)
    growth_from: int = Field(default=100, ge=1)


class Canary(_Part):
    """Send the first ``share`` of a plan, and the rest only if at most ``max_rejected_share`` of it
    was refused."""

    share: float = Field(default=0.05, gt=0, lt=1)
    max_rejected_share: float = Field(default=0.1, ge=0, lt=1)


class Definition(_Part):
    """One sync: a model of the warehouse and the object of a destination it is delivered to.

    ``group_by`` names a model column with the parent of each row (a contact's account): rows of one
    parent travel together, because a vendor that locks the parent would refuse some of them else.
    """

    name: Identifier
    description: str
    owner: str
    model: Identifier
    destination: Identifier
    object: str
    key: KeyMap
    mode: Mode
    fields: tuple[FieldMap, ...] = ()
    removal: RemovalRule = RemovalRule()
    guards: Guards = Guards()
    canary: Canary | None = None
    batch_rows: int | None = Field(default=None, ge=1)
    group_by: Identifier | None = None
    after: tuple[Identifier, ...] = ()
    options: dict[str, str | int | bool] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Definition:
        named = [item.field for item in self.fields]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"field {', '.join(twice)} is mapped more than once")
        if self.key.field in named:
            raise ValueError(f"field {self.key.field} is the key and cannot be mapped again")
        strangers = sorted(set(self.removal.fields) - set(named))
        if strangers:
            raise ValueError(f"removal clears {', '.join(strangers)}, which is not mapped")
        once = self.mode in (Mode.CREATE, Mode.APPEND)
        if once and self.removal.action is not Removal.IGNORE:
            raise ValueError(f"mode {self.mode} never removes: use `removal: {{action: ignore}}`")
        if self.mode is Mode.MIRROR and self.removal.action is Removal.IGNORE:
            raise ValueError("mode mirror must say what removal means")
        if self.mode is not Mode.MIRROR and not self.fields:
            raise ValueError(f"mode {self.mode} needs at least one field")
        return self

    @property
    def once(self) -> bool:
        """A key is delivered once and never compared again."""
        return self.mode in (Mode.CREATE, Mode.APPEND)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every model column the definition reads."""
        adopted = [item.adopt for item in self.fields if item.adopt]
        grouped = [self.group_by] if self.group_by else []
        return (self.key.column, *(item.column for item in self.fields), *adopted, *grouped)

    @property
    def map_hash(self) -> str:
        """md5 of the field map: another map means that every row is compared field by field."""
        pairs = [[item.column, item.field, item.policy.value] for item in self.fields]
        return hashlib.md5(json.dumps(pairs).encode(), usedforsecurity=False).hexdigest()

    @property
    def writing_hash(self) -> str:
        """md5 of all that says how a row is written, and where to."""
        parts = {"destination", "object", "key", "mode", "fields", "removal", "options"}
        text = json.dumps(self.model_dump(mode="json", include=parts), sort_keys=True)
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def load_definition(path: Path) -> Definition:
    """Read one definition file.

    Raises :class:`DefinitionError` with file, line and field of every mistake.
    """
    text = path.read_text(encoding="utf-8")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DefinitionError(
            f"{path.name} is not YAML: {error}", next_step="Correct the file."
        ) from error
    try:
        definition = Definition.model_validate(content)
    except ValidationError as error:
        problems = [
            f"{path.name}:{_line(root, item['loc'])}: "
            f"{'.'.join(str(part) for part in item['loc']) or 'definition'}: {item['msg']}"
            for item in error.errors(include_url=False)
        ]
        raise DefinitionError(
            "; ".join(problems) + ".", next_step="syncs/definition.py says what each key means."
        ) from None
    if definition.name != path.stem:
        raise DefinitionError(
            f"{path.name}:{_line(root, ('name',))}: name: is {definition.name!r}.",
            next_step=f"A definition has the name of its file: {path.stem}.",
        )
    return definition


def line_of(path: Path, *location: str | int) -> int:
    """The line of a definition file where the value at ``location`` stands (1 if not there)."""
    return _line(yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader), location)


def _line(node: Any, location: tuple[str | int, ...]) -> int:
    line = 1
    for part in location:
        child = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == part:
                    line, child = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            child = node.value[part]
            line = child.start_mark.line + 1
        if child is None:
            return line
        node = child
    return line
