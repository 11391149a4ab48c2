"""Email events: sent, delivered, opened, clicked, bounced and the like, the newest first.

The offset that leads from page to page lives for a short time only. After a crash the walk goes on
from the oldest moment that it has reached; events of that millisecond come twice and land once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.hubspot.client import HubSpotClient, Record
from connectors.stream import Stream
from connectors.zone import LoadFolder

Token = dict[str, int | None]


@dataclass(frozen=True)
class EmailEventExtraction:
    """Events since ``cursor`` (ISO 8601) less the overlap, all of them without one."""

    client: HubSpotClient
    stream: Stream
    cursor: str | None
    folder: LoadFolder

    def run(self) -> str | None:
        """Write the events; returns the next cursor: the newest event, never later than the moment
        at which reading began."""
        last = self.folder.write_pages("events", self._pages) or {}
        found = last.get("newest")
        if found is None:
            return self.cursor
        newest = datetime.fromtimestamp(found / 1000, UTC)
        known = datetime.fromisoformat(self.cursor) if self.cursor else newest
        return max(known, min(newest, self.folder.started_at)).isoformat()

    def _pages(self, token: Token | None) -> Iterator[tuple[list[Record], Token]]:
        since = None
        if self.cursor is not None:
            since = _milliseconds(datetime.fromisoformat(self.cursor) - self.stream.overlap.window)
        until = _milliseconds(self.folder.started_at)
        token = token or {"oldest": None, "newest": None}
        window = (since, until if token["oldest"] is None else min(until, token["oldest"]))
        offset: str | None = None
        while True:
            answer = self.client.email_events(window, offset)
            moments = [m for e in answer["events"] if (m := _created(e)) is not None]
            known = [m for m in token.values() if m is not None]
            if moments:
                token = {"oldest": min(moments + known), "newest": max(moments + known)}
            yield answer["events"], token
            if not answer.get("hasMore"):
                return
            offset = str(answer["offset"])


def _created(event: Any) -> int | None:
    """When an event happened, in epoch milliseconds; None where that cannot be read, and its
    contract quarantines it."""
    created = event.get("created") if isinstance(event, dict) else None
    return created if isinstance(created, int) and not isinstance(created, bool) else None


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
