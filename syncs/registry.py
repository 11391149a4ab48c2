"""Which syncs there are, in the order in which they run, and the destination of each."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from headwater.errors import DefinitionError
from headwater.settings import Settings
from syncs.definition import Definition, line_of, load_definition

DEFINITIONS = Path(__file__).parent / "definitions"


@cache
def definitions(folder: Path = DEFINITIONS) -> tuple[Definition, ...]:
    """All definitions, dependencies first, otherwise by name.

    Raises :class:`DefinitionError` when two syncs own one field or ``after`` names no sync.
    """
    found = [load_definition(path) for path in sorted(folder.glob("*.yml"))]
    check_ownership(found)
    return _ordered(found)


def definition(name: str, folder: Path = DEFINITIONS) -> Definition:
    """One definition by its name."""
    for found in definitions(folder):
        if found.name == name:
            return found
    known = ", ".join(item.name for item in definitions(folder))
    raise DefinitionError(f"There is no sync {name!r}.", next_step=f"Known syncs: {known}.")


def enabled(settings: Settings) -> tuple[Definition, ...]:
    """The definitions that ``HEADWATER_SYNCS`` names, or all of them when it is not set."""
    if settings.syncs is None:
        return definitions()
    for name in settings.syncs:
        definition(name)
    return tuple(item for item in definitions() if item.name in settings.syncs)


def where(item: Definition, *location: str | int) -> str:
    """File, line and place of something that a definition says (no line where it has no file)."""
    place = ".".join(str(part) for part in location)
    path = DEFINITIONS / f"{item.name}.yml"
    line = f":{line_of(path, *location)}" if path.exists() else ""
    return f"{item.name}.yml{line}: {place}"


def check_ownership(found: Iterable[Definition]) -> None:
    """One owner per destination, object and field.

    A sync that only creates hands its fields over once the record exists, so it owns none.
    """
    owners: dict[tuple[str, str, str], str] = {}
    for item in found:
        if item.once:
            continue
        names = [mapped.field for mapped in item.fields] or [item.key.field]
        for name in names:
            place = (item.destination, item.object, name)
            other = owners.setdefault(place, item.name)
            if other != item.name:
                raise DefinitionError(
                    f"{item.name}.yml and {other}.yml both write {item.destination} "
                    f"{item.object}.{name}.",
                    next_step="A field has one owner: take it out of one of the two.",
                )


def _ordered(found: list[Definition]) -> tuple[Definition, ...]:
    by_name = {item.name: item for item in found}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for item in found:
        for before in item.after:
            if before not in by_name:
                raise DefinitionError(
                    f"{item.name}.yml: after: there is no sync {before!r}.",
                    next_step=f"Known syncs: {', '.join(by_name)}.",
                )
        sorter.add(item.name, *item.after)
    try:
        sorter.prepare()
    except CycleError as error:
        raise DefinitionError(
            f"The syncs {', '.join(error.args[1])} wait for each other.",
            next_step="Take one `after` out.",
        ) from error
    order: list[Definition] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order.extend(by_name[name] for name in ready)
        sorter.done(*ready)
    return tuple(order)
