"""Salesforce as a source: the objects of one org."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from connectors.keyed_cursor import KeyedCursor
from connectors.moments import moment_or_none
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.extraction import Extraction
from connectors.salesforce.key_listing import write_ids
from connectors.salesforce.login import Token
from connectors.salesforce.streams import IN_THE_BIN, STREAMS
from connectors.stream import Stream
from connectors.zone import Extracted, LoadFolder
from headwater.allowance import Allowance
from headwater.clock import Clock
from headwater.errors import CredentialError, VendorRejectedError
from headwater.settings import Settings
from headwater.system_settings import SalesforceSettings


@dataclass
class SalesforceSource:
    """The objects of one Salesforce org."""

    settings: Settings
    salesforce: SalesforceSettings
    name: str = "salesforce"
    streams: tuple[Stream, ...] = STREAMS
    concurrency: int = 4
    token: Token = field(init=False)
    allowance: Allowance = field(init=False)

    def __post_init__(self) -> None:
        self.token = Token(self.settings, self.salesforce)
        self.allowance = Allowance("salesforce", self.salesforce.api_share, "SALESFORCE_API_SHARE")

    def check(self) -> None:
        """Log in and count users: proves the credential and the right to use the API."""
        client = self._client()
        try:
            client.query("SELECT COUNT() FROM User")
        except VendorRejectedError as error:
            raise CredentialError(
                f"Salesforce took the login but not a query: {error.what}",
                next_step="Check SALESFORCE_API_VERSION, and that the user of SALESFORCE_CLIENT_ID "
                "has API Enabled.",
            ) from error
        finally:
            client.close()

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """Rows changed since ``cursor`` less the overlap, up to now; see
        :class:`connectors.salesforce.extraction.Extraction`. Once in a while all ids, too, of
        objects whose rows can be deleted.

        ``cursor`` is a :class:`connectors.keyed_cursor.KeyedCursor`.
        """
        known, began = KeyedCursor.read(cursor), folder.started_at
        client = self._client()
        try:
            changed_at = known.changed_at.isoformat() if known.changed_at else None
            extraction = Extraction(client, stream, changed_at, folder, clock)
            newest = extraction.run(self.salesforce.bulk_query_from_rows)
            compares = stream.deletes is IN_THE_BIN and known.keys_are_due(
                began, timedelta(hours=self.salesforce.key_check_hours)
            )
            if compares:
                write_ids(client, stream, folder, clock)
            reached = KeyedCursor(
                moment_or_none(newest),
                began if compares or known.changed_at is None else known.keys_at,
            )
            return folder.extracted(calls=client.calls, cursor=reached.text())
        finally:
            client.close()

    def close(self) -> None:
        """Nothing is held between calls."""

    def _client(self) -> SalesforceClient:
        return SalesforceClient(self.settings, self.salesforce, self.token, self.allowance)
