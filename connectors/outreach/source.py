"""Outreach as a source: what changed since the cursor, oldest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.load_folder import Page
from connectors.moments import moment_or_none
from connectors.outreach.client import OutreachClient, Record
from connectors.outreach.streams import RESOURCES, STREAMS
from connectors.stream import Mode, Stream
from connectors.zone import Extracted, LoadFolder
from headwater.clock import Clock
from headwater.settings import Settings
from headwater.system_settings import OutreachSettings

LISTING = "listing"


@dataclass
class OutreachSource:
    """Prospects, mailings, tasks and sequences that one Outreach user may see."""

    settings: Settings
    outreach: OutreachSettings
    name: str = "outreach"
    streams: tuple[Stream, ...] = STREAMS
    concurrency: int = 1
    client: OutreachClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = OutreachClient(self.settings, self.outreach)

    def check(self) -> None:
        """Read one record of each resource: proves the tokens and every scope."""
        for resource in dict.fromkeys(path for path, _ in RESOURCES.values()):
            self.client.check(resource)

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """Records changed since ``cursor`` (ISO 8601) less the overlap, up to the moment at which
        the extraction began; of a snapshot the ids of all."""
        del clock  # the folder tells when the extraction began
        calls_before = self.client.calls
        resource, type_name = RESOURCES[stream.name]
        horizon = folder.started_at
        if stream.mode is Mode.SNAPSHOT:
            # One attribute is the least that can be asked for.
            query = {"sort": "id", f"fields[{type_name}]": "createdAt"}
        else:
            query = {
                "sort": "updatedAt,id",
                "filter[updatedAt]": f"{_since(stream, cursor)}..{_stamp(horizon)}",
                f"fields[{type_name}]": ",".join(_fields(stream)),
            }

        def pages(token: Any) -> Iterator[Page]:
            following, newest = token or (None, cursor)
            for records, behind in self.client.pages(resource, query, following):
                newest = _newest(records, newest, horizon)
                yield records, [behind, newest]

        last = folder.write_pages(LISTING, pages)
        newest = last[1] if stream.mode is not Mode.SNAPSHOT else cursor
        return folder.extracted(calls=self.client.calls - calls_before, cursor=newest)

    def close(self) -> None:
        """Close the sessions."""
        self.client.close()


def _fields(stream: Stream) -> list[str]:
    """The attributes and relationships of the contract: a prospect has hundreds more."""
    return [column.path[1] for column in stream.columns if len(column.path) > 1]


def _newest(records: list[Record], known: str | None, horizon: datetime) -> str | None:
    """The newest change seen so far, never later than the horizon.

    A record whose moment cannot be read says nothing here; its contract quarantines it.
    """
    for record in records:
        found = moment_or_none((record.get("attributes") or {}).get("updatedAt"))
        if found is not None:
            changed = min(found, horizon)
            if known is None or changed > datetime.fromisoformat(known):
                known = changed.isoformat()
    return known


def _since(stream: Stream, cursor: str | None) -> str:
    """The lower end of the range of changes. Without a cursor it lies before everything: whether
    a range may be open below is disputed."""
    if cursor is None:
        return "1970-01-01T00:00:00.000Z"
    return _stamp(datetime.fromisoformat(cursor) - stream.overlap.window)


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
