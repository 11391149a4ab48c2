"""Guards: limits that stop a whole run before its first call. They fail closed.

A person who has looked at the plan may accept what a guard says, for one run and by its name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from headwater.errors import GuardError
from syncs.definition import Definition, Guards, Removal
from syncs.difference import Difference


@dataclass(frozen=True)
class Objection:
    """What a guard has against a plan. ``guard`` is its name in the definition."""

    guard: str
    what: str


def check(definition: Definition, difference: Difference, accepted: Collection[str] = ()) -> None:
    """Raise :class:`GuardError` naming every limit that the plan breaks and nobody accepted."""
    strangers = set(accepted) - set(Guards.model_fields)
    if strangers:
        raise GuardError(
            f"{definition.name}: there is no guard {', '.join(sorted(strangers))}.",
            next_step=f"Nothing was sent. The guards: {', '.join(Guards.model_fields)}.",
        )
    found = [item for item in objections(definition, difference) if item.guard not in accepted]
    if found:
        names = " ".join(f"--accept {item.guard}" for item in found)
        raise GuardError(
            f"{definition.name}: {'; '.join(item.what for item in found)}.",
            next_step=f"Nothing was sent. Look at `headwater sync plan {definition.name}`; if it "
            f"is right, `headwater sync run {definition.name} {names}` does it once; the limit "
            "itself stands in the definition.",
        )


def objections(definition: Definition, difference: Difference) -> Iterator[Objection]:
    """Every guard that the plan breaks."""
    guards, counts = definition.guards, difference.counts
    rows, known, before = difference.model_rows, difference.acknowledged, difference.rows_before
    if rows < guards.min_rows:
        yield _limit("min_rows", f"the model has {rows} rows", guards.min_rows)
    takes_away = definition.removal.action is not Removal.IGNORE
    if takes_away and not guards.allow_empty and not rows and known:
        yield Objection(
            "allow_empty", f"the model is empty and {known} keys are at the destination"
        )
    if known >= guards.removed_share_from:
        share = counts.removed / known
        if share > guards.max_removed_share:
            what = f"it would remove {counts.removed} of {known} keys ({share:.0%})"
            yield _limit("max_removed_share", what, guards.max_removed_share)
    if known >= guards.changed_share_from:
        share = counts.updated / known
        if share > guards.max_changed_share:
            what = f"it would change {counts.updated} of {known} keys ({share:.0%})"
            yield _limit("max_changed_share", what, guards.max_changed_share)
    if before is not None and before >= guards.growth_from and rows > before * guards.max_growth:
        what = f"the model has {rows} rows and had {before} ({rows / before:.1f} times as many)"
        yield _limit("max_growth", what, guards.max_growth)
    if guards.max_created is not None and counts.created > guards.max_created:
        what = f"it would create {counts.created} records"
        yield _limit("max_created", what, guards.max_created)
    if guards.max_rows is not None and counts.total > guards.max_rows:
        yield _limit("max_rows", f"it would send {counts.total} rows", guards.max_rows)


def _limit(guard: str, what: str, limit: float) -> Objection:
    return Objection(guard, f"{what}; its guard {guard} is {limit:g}")
