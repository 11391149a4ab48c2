"""HubSpot as a source: which extraction each stream has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from connectors.hubspot.client import HubSpotClient
from connectors.hubspot.email_events import EmailEventExtraction
from connectors.hubspot.lists import write_lists, write_members
from connectors.hubspot.objects import ObjectExtraction
from connectors.hubspot.streams import MODIFIED, STREAMS
from connectors.keyed_cursor import KeyedCursor
from connectors.stream import Stream
from connectors.zone import Extracted, LoadFolder
from headwater.clock import Clock
from headwater.settings import Settings
from headwater.system_settings import HubSpotSettings


@dataclass
class HubSpotSource:
    """Contacts, companies, email events and lists of one HubSpot account."""

    settings: Settings
    hubspot: HubSpotSettings
    name: str = "hubspot"
    streams: tuple[Stream, ...] = STREAMS
    concurrency: int = 1

    def __post_init__(self) -> None:
        self.client = HubSpotClient(self.settings, self.hubspot)

    def check(self) -> None:
        """Read one record of each kind: proves the token and its scopes."""
        self.client.check(list(MODIFIED))

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """What changed since ``cursor`` less the overlap; lists and members as a whole.

        The cursor of objects is a :class:`connectors.keyed_cursor.KeyedCursor`. The horizon is the
        moment at which the extraction began.
        """
        del clock
        calls_before = self.client.calls
        match stream.name:
            case "email_events":
                cursor = EmailEventExtraction(self.client, stream, cursor, folder).run()
            case "lists":
                write_lists(self.client, folder)
            case "list_memberships":
                write_members(self.client, folder)
            case _:
                known = KeyedCursor.read(cursor)
                every = timedelta(hours=self.hubspot.key_check_hours)
                cursor = ObjectExtraction(self.client, stream, known, folder, every).run().text()
        return folder.extracted(calls=self.client.calls - calls_before, cursor=cursor)

    def close(self) -> None:
        """Close the sessions."""
        self.client.close()
