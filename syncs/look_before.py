"""A look at what the destination holds, before rows are sent that must not overwrite everything.

Needed by fields that only fill what is empty (``policy: fill_empty``), and by fields whose edits by
people count (``edits: keep`` or ``report``): a value that differs from the one the destination
acknowledged last was written by somebody else since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from syncs.definition import Definition, Edits, Policy
from syncs.destination import Change, Destination, Operation, ReadsCurrent, Value, is_empty


@dataclass(frozen=True)
class Edit:
    """A field of a record that somebody else changed since we wrote it."""

    key: str
    field: str
    written: Value
    found: Value
    wanted: Value
    kept: bool


@dataclass(frozen=True)
class Narrowed:
    """A change without the fields that are left alone. ``held``: what ``sent`` says of those."""

    change: Change
    held: Mapping[str, Value]


class LookBefore:
    """Narrows changes to what may be sent."""

    def __init__(self, definition: Definition, destination: Destination) -> None:
        self._destination = destination
        self._filling = [
            item.field for item in definition.fields if item.policy is Policy.FILL_EMPTY
        ]
        self._edits = {
            item.field: item.edits
            for item in definition.fields
            if item.edits is not Edits.OVERWRITE and item.policy is not Policy.FILL_EMPTY
        }

    def narrow(self, changes: Sequence[Change]) -> tuple[list[Narrowed], list[Edit]]:
        """Read the records concerned; what of the changes is narrowed, and whose edits were seen.

        Raises what the destination's reading raises.
        """
        if not self._filling and not self._edits:
            return [], []
        looked_at = [change for change in changes if self._concerns(change)]
        if not looked_at or not isinstance(self._destination, ReadsCurrent):
            return [], []
        held = self._destination.current(looked_at, [*self._filling, *self._edits])
        narrowed: list[Narrowed] = []
        edits: list[Edit] = []
        for change in looked_at:
            there = held[change.key].fields if change.key in held else {}
            seen = self._seen(change, there)
            edits += seen
            left = {
                name: there[name]
                for name in self._filling
                if name in change.fields and not is_empty(there.get(name))
            }
            left |= {edit.field: edit.written for edit in seen if edit.kept}
            if left:
                sent = {name: value for name, value in change.fields.items() if name not in left}
                narrowed.append(Narrowed(replace(change, fields=sent), left))
        return narrowed, edits

    def _concerns(self, change: Change) -> bool:
        if change.operation is Operation.REMOVE:
            return False
        fills = any(name in change.fields for name in self._filling)
        return fills or any(name in change.before for name in self._edits if name in change.fields)

    def _seen(self, change: Change, there: Mapping[str, Value]) -> list[Edit]:
        """Edits of fields that this change would overwrite."""
        return [
            Edit(
                change.key,
                name,
                change.before[name],
                there[name],
                change.fields[name],
                kept=policy is Edits.KEEP,
            )
            for name, policy in self._edits.items()
            if name in change.fields
            and name in change.before
            and name in there
            and not same(there[name], change.before[name])
            and not same(there[name], change.fields[name])
        ]


def same(one: Value, other: Value) -> bool:
    """Whether two values are the same, as destinations show what they were given: numbers and
    truth values as text, times with another zone, null for empty text."""
    return _plain(one) == _plain(other)


def _plain(value: Value) -> str | float | datetime | None:
    if is_empty(value):
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    try:
        return float(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return at if at.tzinfo else at.replace(tzinfo=UTC)
