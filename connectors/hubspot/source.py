"""HubSpot as a source: the whole by listing, changes by search, deletes by the archive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from connectors.hubspot.client import HubSpotClient, Record
from connectors.hubspot.streams import MODIFIED, STREAMS
from connectors.moments import moment_or_none
from connectors.stream import Stream
from connectors.zone import Extracted, LoadFolder
from headwater.clock import Clock
from headwater.settings import HubSpotSettings, Settings


@dataclass
class HubSpotSource:
    """Contacts and companies of one HubSpot account."""

    settings: Settings
    hubspot: HubSpotSettings
    name: str = "hubspot"
    streams: tuple[Stream, ...] = STREAMS
    concurrency: int = 1

    def __post_init__(self) -> None:
        self.client = HubSpotClient(self.settings, self.hubspot)

    def check(self) -> None:
        """Read one record of each object type: proves the token and its scopes."""
        for stream in self.streams:
            self.client.check(stream.name)

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """All records without ``cursor`` (ISO 8601), else those changed since it less the
        overlap; and always the archived ones."""
        calls_before = self.client.calls
        properties = [column.path[1] for column in stream.columns if column.path[0] == "properties"]
        horizon = clock.now()
        newest = Newest(horizon, cursor)
        if cursor is None:
            live = self.client.listing(stream.name, properties, archived=False)
        else:
            since = datetime.fromisoformat(cursor) - stream.overlap.window
            live = self.client.changed(
                stream.name,
                properties,
                MODIFIED[stream.name],
                (_milliseconds(since), _milliseconds(horizon)),
            )
        folder.write_records(newest.watch(live))
        folder.write_records(self.client.listing(stream.name, properties, archived=True))
        return folder.extracted(calls=self.client.calls - calls_before, cursor=newest.cursor)

    def close(self) -> None:
        """Close the sessions."""
        self.client.close()


@dataclass
class Newest:
    """The newest change among the records that pass, never later than the horizon."""

    horizon: datetime
    cursor: str | None

    def watch(self, pages: Iterable[list[Record]]) -> Iterator[list[Record]]:
        """Pass pages on, and move the cursor by their ``updatedAt``.

        A record whose moment cannot be read says nothing here; its contract quarantines it.
        """
        for page in pages:
            for record in page:
                found = moment_or_none(record.get("updatedAt"))
                if found is None:
                    continue
                changed = min(found, self.horizon)
                if self.cursor is None or changed > datetime.fromisoformat(self.cursor):
                    self.cursor = changed.isoformat()
            yield page


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
