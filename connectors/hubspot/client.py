"""Calls to one HubSpot account: CRM objects, email events and lists, each a page at a time."""

from __future__ import annotations

from typing import Any

import requests

from headwater.errors import CredentialError, VendorRejectedError
from headwater.http import ApiSession
from headwater.hubspot_day import day_is_used_up
from headwater.settings import Settings
from headwater.system_settings import HubSpotSettings

LIST_PAGE = 100
SEARCH_PAGE = 200
EVENTS_PAGE = 1000
LISTS_PAGE = 500
MEMBERS_PAGE = 250
CALLS_PER_SECOND = 17
WINDOW_SECONDS = 10
"""A private app may make 190 calls per ten seconds; others use the same account, so take 170. An
account of a lower tier says 429, which is waited out."""
SEARCHES_PER_SECOND = 4
EMAIL_EVENTS = "/email/public/v1/events"
LISTS = "/crm/v3/lists"
Record = dict[str, Any]


class HubSpotClient:
    """Calls to one account; they share its limits, and search has its own, lower one."""

    def __init__(self, settings: Settings, hubspot: HubSpotSettings) -> None:
        def token(_: bool) -> str:
            return f"Bearer {hubspot.access_token.get_secret_value()}"

        base = str(hubspot.base_url)
        self._calling = ApiSession(
            "hubspot",
            base,
            settings,
            calls_per_second=CALLS_PER_SECOND,
            window_seconds=WINDOW_SECONDS,
            token=token,
            refused=_refused,
        )
        self._searching = ApiSession(
            "hubspot",
            base,
            settings,
            calls_per_second=SEARCHES_PER_SECOND,
            token=token,
            refused=_refused,
        )

    @property
    def calls(self) -> int:
        """HTTP calls made."""
        return self._calling.calls + self._searching.calls

    def close(self) -> None:
        """Close the sessions."""
        self._calling.close()
        self._searching.close()

    def check(self, object_types: list[str]) -> None:
        """Read one of each kind of record. Raises :class:`headwater.errors.CredentialError`."""
        one = {"limit": "1"}
        try:
            for object_type in object_types:
                self._get(_path(object_type), one)
            self._get(EMAIL_EVENTS, one)
            self.lists(0, count=1)
        except (CredentialError, VendorRejectedError) as error:
            raise CredentialError(
                f"HubSpot refused to be read: {error.what}",
                next_step="Check HUBSPOT_ACCESS_TOKEN; its private app needs the scopes "
                "crm.objects.contacts.read, crm.objects.companies.read, crm.lists.read and "
                "content.",
            ) from error

    def listing(
        self, object_type: str, properties: list[str], after: str | None, *, archived: bool
    ) -> Record:
        """A page of all records, in the order of their ids."""
        params = {
            "limit": str(LIST_PAGE),
            "properties": ",".join(properties),
            "archived": "true" if archived else "false",
        }
        return self._get(
            _path(object_type), params if after is None else {**params, "after": after}
        )

    def search(
        self,
        object_type: str,
        properties: list[str],
        modified: str,
        window_ms: tuple[int, int],
        last_id: str,
    ) -> Record:
        """The first page of the records behind ``last_id`` whose ``modified`` property lies in the
        window, both ends in, in the order of their ids."""
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
        answer: Record = self._searching.call(
            "POST", f"{_path(object_type)}/search", json=body, idempotent=True
        ).json()
        return answer

    def email_events(self, window_ms: tuple[int | None, int], offset: str | None) -> Record:
        """A page of the email events in the window, both ends in, the newest first."""
        since, until = window_ms
        params = {"limit": str(EVENTS_PAGE), "endTimestamp": str(until)}
        if since is not None:
            params["startTimestamp"] = str(since)
        return self._get(EMAIL_EVENTS, params if offset is None else {**params, "offset": offset})

    def lists(self, offset: int, count: int = LISTS_PAGE) -> Record:
        """A page of all lists."""
        body = {"offset": offset, "count": count, "additionalProperties": ["hs_list_size"]}
        answer: Record = self._calling.call(
            "POST", f"{LISTS}/search", json=body, idempotent=True
        ).json()
        return answer

    def members(self, list_id: str, after: str | None) -> Record:
        """A page of a list's members, in the order of their ids; empty where the list is gone."""
        params = {"limit": str(MEMBERS_PAGE)}
        try:
            return self._get(
                f"{LISTS}/{list_id}/memberships",
                params if after is None else {**params, "after": after},
            )
        except VendorRejectedError as error:
            if error.status != 404:
                raise
            return {"results": []}

    def _get(self, path: str, params: dict[str, str]) -> Record:
        answer: Record = self._calling.call("GET", path, params=params).json()
        return answer


def _path(object_type: str) -> str:
    return f"/crm/v3/objects/{object_type}"


def _refused(response: requests.Response) -> Exception | None:
    return day_is_used_up(
        response,
        "Reading goes on where it stopped after midnight in the account's time zone.",
    )
