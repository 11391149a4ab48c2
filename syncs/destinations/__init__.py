"""One module per outside system that syncs write to; README.md is the table of what each can do."""

from __future__ import annotations

from importlib import import_module

from headwater.errors import DefinitionError
from headwater.settings import DESTINATIONS, Settings
from syncs.definition import Definition, Policy
from syncs.destination import Destination


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
    fills = any(item.policy is Policy.FILL_EMPTY for item in definition.fields)
    if fills and not can.reads_current:
        _cannot(definition, "policy: fill_empty", "overwrite, never_null")
    return destination


def _cannot(definition: Definition, what: str, possible: str) -> None:
    raise DefinitionError(
        f"{definition.name}.yml: {what} is not possible with {definition.destination} "
        f"{definition.object}.",
        next_step=f"Possible: {possible}.",
    )
