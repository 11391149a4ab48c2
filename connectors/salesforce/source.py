"""Salesforce as a source: the objects of one org."""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.salesforce.allowance import Allowance
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.extraction import Extraction
from connectors.salesforce.login import Token
from connectors.salesforce.streams import STREAMS
from connectors.stream import Stream
from connectors.zone import Extracted, LoadFolder
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
        self.allowance = Allowance(self.salesforce.api_share)

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
        """Rows changed since ``cursor`` (ISO 8601) less the overlap, up to now; see
        :class:`connectors.salesforce.extraction.Extraction`."""
        client = self._client()
        try:
            extraction = Extraction(client, stream, cursor, folder, clock)
            newest = extraction.run(self.salesforce.bulk_from_rows)
            return folder.extracted(calls=client.calls, cursor=newest)
        finally:
            client.close()

    def close(self) -> None:
        """Nothing is held between calls."""

    def _client(self) -> SalesforceClient:
        return SalesforceClient(self.settings, self.salesforce, self.token, self.allowance)
