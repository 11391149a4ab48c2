"""Guards: limits that stop a whole run before its first call. They fail closed."""

from __future__ import annotations

from headwater.errors import GuardError
from syncs.definition import Definition, Removal
from syncs.difference import Difference


def check(definition: Definition, difference: Difference) -> None:
    """Raise :class:`GuardError` naming the first limit that the plan breaks."""
    guards, counts = definition.guards, difference.counts
    if difference.model_rows < guards.min_rows:
        _refuse(
            definition, f"the model has {difference.model_rows} rows", "min_rows", guards.min_rows
        )
    takes_away = definition.removal.action is not Removal.IGNORE
    if (
        takes_away
        and not guards.allow_empty
        and not difference.model_rows
        and difference.acknowledged
    ):
        raise GuardError(
            f"{definition.name}: the model is empty and {difference.acknowledged} keys are at the "
            f"destination.",
            next_step="Nothing was sent. See why the model is empty; if an empty model is meant, "
            "set guards.allow_empty in the definition.",
        )
    if difference.acknowledged >= guards.removed_share_from:
        share = counts.removed / difference.acknowledged
        if share > guards.max_removed_share:
            _refuse(
                definition,
                f"it would remove {counts.removed} of {difference.acknowledged} keys ({share:.0%})",
                "max_removed_share",
                guards.max_removed_share,
            )
    if guards.max_created is not None and counts.created > guards.max_created:
        _refuse(
            definition,
            f"it would create {counts.created} records",
            "max_created",
            guards.max_created,
        )
    if guards.max_rows is not None and counts.total > guards.max_rows:
        _refuse(definition, f"it would send {counts.total} rows", "max_rows", guards.max_rows)


def _refuse(definition: Definition, what: str, guard: str, limit: float) -> None:
    raise GuardError(
        f"{definition.name}: {what}; its guard {guard} is {limit:g}.",
        next_step="Nothing was sent. Look at `headwater sync plan "
        f"{definition.name}`; if it is right, raise the guard in the definition.",
    )
