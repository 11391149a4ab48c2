"""Zendesk as a source: each stream by the export that the vendor has for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from connectors.load_folder import Page
from connectors.stream import Stream
from connectors.support.client import ZendeskClient
from connectors.support.streams import CHATS, STREAMS, TICKET_EVENTS, TICKETS, USERS
from connectors.zone import Extracted, LoadFolder
from headwater.clock import Clock
from headwater.settings import Settings
from headwater.system_settings import SupportSettings

LEAST_AGE_SECONDS = 61
"""An export from less than a minute ago on is refused."""
LEAST_AGE_OF_CHATS_SECONDS = 301
"""An export of chats from less than five minutes ago on is refused."""


@dataclass
class SupportSource:
    """Tickets and what belongs to them of one Zendesk account."""

    settings: Settings
    support: SupportSettings
    name: str = "support"
    streams: tuple[Stream, ...] = STREAMS
    concurrency: int = 1

    def __post_init__(self) -> None:
        self.client = ZendeskClient(self.settings, self.support)

    def check(self) -> None:
        """Prove the token and its rights."""
        self.client.check()

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """What changed behind ``cursor``: the vendor's own (tickets, users), or epoch seconds."""
        del clock
        calls_before = self.client.calls

        def pages(token: Any) -> Iterator[Page]:
            if stream in (TICKETS, USERS):
                return self.client.by_cursor(stream.name, token or cursor, 0)
            if stream == CHATS:
                return self._chats(cursor, token, folder)
            return self._by_time(stream, cursor, token, folder)

        last = folder.write_pages("export", pages)
        return folder.extracted(
            calls=self.client.calls - calls_before,
            cursor=cursor if last is None else _as_cursor(last),
        )

    def close(self) -> None:
        """Close the sessions."""
        self.client.close()

    def _by_time(
        self, stream: Stream, cursor: str | None, token: int | None, folder: LoadFolder
    ) -> Iterator[Page]:
        """Organizations whole, events since the start of history."""
        begin = self._history_start() if stream == TICKET_EVENTS else 0
        params = {"include": "comment_events"} if stream == TICKET_EVENTS else {}
        newest = int(folder.started_at.timestamp()) - LEAST_AGE_SECONDS
        start = token or (begin if cursor is None else int(cursor))
        return self.client.by_time(stream.name, max(0, min(start, newest)), **params)

    def _chats(self, cursor: str | None, token: Any, folder: LoadFolder) -> Iterator[Page]:
        """Within a reading chats go on behind time and id; the next one takes the time alone, for
        another chat of that very second may have changed since."""
        if token is not None:
            return self.client.chats((float(token[0]), str(token[1])))
        begin = self._history_start() if cursor is None else float(cursor)
        newest = folder.started_at.timestamp() - LEAST_AGE_OF_CHATS_SECONDS
        return self.client.chats((min(begin, newest), ""))

    def _history_start(self) -> int:
        return int(datetime.combine(self.settings.history_start, time(), UTC).timestamp())


def _as_cursor(token: Any) -> str:
    return str(token[0] if isinstance(token, list | tuple) else token)
