"""Programs, lists and types of activities: read whole on each load, some hundred rows a call."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.marketo.client import Record
from connectors.marketo.extraction import Extraction
from connectors.marketo.program_members import PROGRAMS


def programs(asked: Extraction) -> None:
    """All programs. Their moments may end in ``Z+0000``, which is no ISO 8601."""
    asked.folder.write_records(
        [_with_plain_moments(program) for program in page] for page in asked.client.assets(PROGRAMS)
    )


def lists(asked: Extraction) -> None:
    """All static lists."""
    asked.folder.write_records(
        [_with_plain_moments(each) for each in page]
        for page, _ in asked.client.listing("/rest/v1/lists.json", {}, None)
    )


def activity_types(asked: Extraction) -> None:
    """All types of activities."""
    found: Iterable[Record] = (
        asked.client.ask("GET", "/rest/v1/activities/types.json").get("result") or []
    )
    asked.folder.write_records([found])


def _with_plain_moments(asset: Record) -> Record:
    return {
        name: value.removesuffix("+0000")
        if isinstance(value, str) and value.endswith("Z+0000")
        else value
        for name, value in asset.items()
    }
