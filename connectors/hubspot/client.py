"""HubSpot's CRM objects: listing, search and the listing of archived records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headwater.errors import CredentialError, VendorRejectedError
from headwater.http import ApiSession
from headwater.settings import HubSpotSettings, Settings

LIST_PAGE = 100
SEARCH_PAGE = 200
CALLS_PER_SECOND = 17
WINDOW_SECONDS = 10
"""A private app may make 190 calls per ten seconds; others use the same account, so take 170. An
account of a lower tier says 429, which is waited out."""
SEARCHES_PER_SECOND = 4
Record = dict[str, Any]


class HubSpotClient:
    """Calls to one account; they share its limits, and search has its own, lower one."""

    def __init__(self, settings: Settings, hubspot: HubSpotSettings) -> None:
        def token(_: bool) -> str:
            return f"Bearer {hubspot.access_token.get_secret_value()}"

        base = str(hubspot.base_url)
        self._listing = ApiSession(
            "hubspot",
            base,
            settings,
            calls_per_second=CALLS_PER_SECOND,
            window_seconds=WINDOW_SECONDS,
            token=token,
        )
        self._searching = ApiSession(
            "hubspot", base, settings, calls_per_second=SEARCHES_PER_SECOND, token=token
        )

    @property
    def calls(self) -> int:
        """HTTP calls made."""
        return self._listing.calls + self._searching.calls

    def close(self) -> None:
        """Close the sessions."""
        self._listing.close()
        self._searching.close()

    def check(self, object_type: str) -> None:
        """Read one record. Raises :class:`headwater.errors.CredentialError`."""
        try:
            self._listing.call("GET", _path(object_type), params={"limit": "1"})
        except (CredentialError, VendorRejectedError) as error:
            raise CredentialError(
                f"HubSpot refused to list {_path(object_type)}: {error.what}",
                next_step="Check HUBSPOT_ACCESS_TOKEN; its private app needs the scopes "
                "crm.objects.contacts.read and crm.objects.companies.read.",
            ) from error

    def listing(
        self, object_type: str, properties: list[str], *, archived: bool
    ) -> Iterator[list[Record]]:
        """All records, page by page, in the order of their ids."""
        params = {
            "limit": str(LIST_PAGE),
            "properties": ",".join(properties),
            "archived": "true" if archived else "false",
        }
        while True:
            answer = self._listing.call("GET", _path(object_type), params=params).json()
            yield answer["results"]
            after = answer.get("paging", {}).get("next", {}).get("after")
            if after is None:
                return
            params["after"] = after

    def changed(
        self, object_type: str, properties: list[str], modified: str, window_ms: tuple[int, int]
    ) -> Iterator[list[Record]]:
        """Records whose ``modified`` property lies in the window, both ends in, walked by id.

        Sorting by the moment would repeat and skip rows at the pages' edges, and a query gives
        10,000 rows at most: so each page is a query of its own, sorted by id, past the last one.
        """
        last_id = "0"
        while True:
            answer = self._search(object_type, properties, modified, window_ms, last_id)
            page: list[Record] = answer["results"]
            yield page
            if not page or "paging" not in answer:
                return
            last_id = str(max(int(record["id"]) for record in page))

    def _search(
        self,
        object_type: str,
        properties: list[str],
        modified: str,
        window_ms: tuple[int, int],
        last_id: str,
    ) -> dict[str, Any]:
        body = {
            "filterGroups": [
                {
                    "filters": [
                        {
                            "propertyName": modified,
                            "operator": "BETWEEN",
                            "value": str(window_ms[0]),
                            "highValue": str(window_ms[1]),
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
            "POST", f"{_path(object_type)}/search", json=body, idempotent=True
        ).json()
        return answer


def _path(object_type: str) -> str:
    return f"/crm/v3/objects/{object_type}"
