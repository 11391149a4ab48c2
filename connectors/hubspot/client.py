"""HubSpot's CRM objects: listing, search and the listing of archived records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headwater.errors import CredentialError, VendorRejectedError
from headwater.http import ApiSession
from headwater.settings import HubSpotSettings, Settings

LIST_PAGE = 100
SEARCH_PAGE = 200
CALLS_PER_SECOND = 10
SEARCHES_PER_SECOND = 4
Record = dict[str, Any]


class HubSpotClient:
    """Calls for one object type; search has its own, lower limit."""

    def __init__(self, settings: Settings, hubspot: HubSpotSettings, object_type: str) -> None:
        def token(_: bool) -> str:
            return f"Bearer {hubspot.access_token.get_secret_value()}"

        base = str(hubspot.base_url)
        self._listing = ApiSession(
            "hubspot", base, settings, calls_per_second=CALLS_PER_SECOND, token=token
        )
        self._searching = ApiSession(
            "hubspot", base, settings, calls_per_second=SEARCHES_PER_SECOND, token=token
        )
        self._path = f"/crm/v3/objects/{object_type}"

    @property
    def calls(self) -> int:
        """HTTP calls made."""
        return self._listing.calls + self._searching.calls

    def close(self) -> None:
        """Close the sessions."""
        self._listing.close()
        self._searching.close()

    def check(self) -> None:
        """Read one record. Raises :class:`headwater.errors.CredentialError`."""
        try:
            self._listing.call("GET", self._path, params={"limit": "1"})
        except (CredentialError, VendorRejectedError) as error:
            raise CredentialError(
                f"HubSpot refused to list {self._path}: {error.what}",
                next_step="Check HUBSPOT_ACCESS_TOKEN; its private app needs the scopes "
                "crm.objects.contacts.read and crm.objects.companies.read.",
            ) from error

    def listing(self, properties: list[str], *, archived: bool) -> Iterator[list[Record]]:
        """All records, page by page, in the order of their ids."""
        params = {
            "limit": str(LIST_PAGE),
            "properties": ",".join(properties),
            "archived": "true" if archived else "false",
        }
        while True:
            answer = self._listing.call("GET", self._path, params=params).json()
            yield answer["results"]
            after = answer.get("paging", {}).get("next", {}).get("after")
            if after is None:
                return
            params["after"] = after

    def changed(
        self, properties: list[str], modified: str, since_ms: int, until_ms: int
    ) -> Iterator[list[Record]]:
        """Records whose ``modified`` property lies in [since, until], walked by id.

        Sorting by the moment would repeat and skip rows at the pages' edges, and a query gives
        10,000 rows at most: so each page is a query of its own, sorted by id, past the last one.
        """
        last_id = "0"
        while True:
            answer = self._search(properties, modified, since_ms, until_ms, last_id)
            page: list[Record] = answer["results"]
            yield page
            if not page or "paging" not in answer:
                return
            last_id = str(max(int(record["id"]) for record in page))

    def _search(
        self,
        properties: list[str],
        modified: str,
        since_ms: int,
        until_ms: int,
        last_id: str,
    ) -> dict[str, Any]:
        body = {
            "filterGroups": [
                {
                    "filters": [
                        {
                            "propertyName": modified,
                            "operator": "BETWEEN",
                            "value": str(since_ms),
                            "highValue": str(until_ms),
                        },
                        {"propertyName": "hs_object_id", "operator": "GT", "value": last_id},
                    ]
                }
            ],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": properties,
            "limit": SEARCH_PAGE,
        }
        answer: dict[str, Any] = self._searching.call(
            "POST", f"{self._path}/search", json=body, idempotent=True
        ).json()
        return answer
