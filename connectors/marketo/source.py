"""Marketo as a source: which stream is read how."""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.marketo import assets
from connectors.marketo.activities import activities, merges
from connectors.marketo.client import CONCURRENCY, MarketoClient, Token
from connectors.marketo.extraction import Extraction
from connectors.marketo.leads import leads
from connectors.marketo.program_members import PROGRAMS, program_members
from connectors.marketo.streams import STREAMS
from connectors.stream import Stream
from connectors.zone import Extracted, LoadFolder
from headwater.clock import Clock, SystemClock
from headwater.errors import CredentialError, VendorRejectedError
from headwater.settings import Settings
from headwater.system_settings import MarketoSettings

RIGHTS = {
    "/rest/v1/leads/describe.json": "Read-Only Lead",
    "/rest/v1/activities/types.json": "Read-Only Activity",
    PROGRAMS: "Read-Only Assets",
}
"""What is read to prove a right of the API user's role."""


@dataclass
class MarketoSource:
    """One Marketo instance."""

    settings: Settings
    marketo: MarketoSettings
    name: str = "marketo"
    streams: tuple[Stream, ...] = STREAMS
    concurrency: int = CONCURRENCY
    token: Token = field(init=False)

    def __post_init__(self) -> None:
        self.token = Token(self.settings, self.marketo)

    def check(self) -> None:
        """Read what each right is for: proves the client and the role of its user."""
        client = self._client(SystemClock())
        try:
            for path, right in RIGHTS.items():
                try:
                    client.ask("GET", path, params={"maxReturn": "1"} if path == PROGRAMS else {})
                except (CredentialError, VendorRejectedError) as error:
                    raise CredentialError(
                        f"Marketo refused {path}: {error.what}",
                        next_step=error.next_step
                        or f"The role of the API user needs the right {right}.",
                    ) from error
        finally:
            client.close()

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """What changed since ``cursor`` (ISO 8601) less the overlap; all of it without one."""
        client = self._client(clock)
        try:
            asked = Extraction(client, stream, cursor, folder, clock, self.settings, self.marketo)
            return folder.extracted(cursor=_extract(asked), calls=client.calls)
        finally:
            client.close()

    def close(self) -> None:
        """Nothing is held between extractions."""

    def _client(self, clock: Clock) -> MarketoClient:
        return MarketoClient(self.settings, self.marketo, self.token, clock)


def _extract(asked: Extraction) -> str | None:
    match asked.stream.name:
        case "leads":
            return leads(asked)
        case "activities":
            return activities(asked)
        case "lead_merges":
            return merges(asked)
        case "program_members":
            return program_members(asked)
        case "programs":
            assets.programs(asked)
        case "lists":
            assets.lists(asked)
        case "activity_types":
            assets.activity_types(asked)
    return asked.cursor
