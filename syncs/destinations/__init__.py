"""One module per outside system that syncs write to; README.md is the table of what each can do."""

from __future__ import annotations

from importlib import import_module

from headwater.errors import DefinitionError
from headwater.settings import DESTINATIONS, Settings
from syncs.definition import Definition, Edits, Policy
from syncs.destination import Destination, ReadsCurrent


def open_destination(definition: Definition, settings: Settings) -> Destination:
    """The destination of a definition; reads its settings, calls nobody.

    Raises :class:`DefinitionError` for a mode or removal that the destination cannot do,
    :class:`SettingsError` for a missing setting.
    """
    if definition.destination not in DESTINATIONS:
        raise DefinitionError(
            f"{definition.name}.yml: destination: there is no {definition.destination!r}.",
            next_step=f"Known destinations: {', '.join(DESTINATIONS)}.",
        )
    module = import_module(f"syncs.destinations.{definition.destination}")
    destination: Destination = module.connect(definition, settings)
    can = destination.capabilities
    if definition.mode not in can.modes:
        _cannot(definition, f"mode: {definition.mode}", ", ".join(sorted(can.modes)))
    if definition.removal.action not in can.removals:
        _cannot(
            definition,
            f"removal: {definition.removal.action}",
            ", ".join(sorted(can.removals)),
        )
    if not isinstance(destination, ReadsCurrent):
        if any(item.policy is Policy.FILL_EMPTY for item in definition.fields):
            _cannot(definition, "policy: fill_empty", "overwrite, never_null")
        if any(item.edits is not Edits.OVERWRITE for item in definition.fields):
            _cannot(definition, "edits: keep or report", "overwrite")
    return destination


def _cannot(definition: Definition, what: str, possible: str) -> None:
    raise DefinitionError(
        f"{definition.name}.yml: {what} is not possible with {definition.destination} "
        f"{definition.object}.",
        next_step=f"Possible: {possible}.",
    )
