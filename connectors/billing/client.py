"""Stripe's lists, single objects and the feed of events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests

from connectors.billing.streams import Listing
from headwater.errors import CredentialError, VendorRejectedError, VendorUnavailableError
from headwater.http import ApiSession
from headwater.settings import Settings
from headwater.system_settings import BillingSettings

API_VERSION = "2025-06-30.basil"
"""The version whose shapes the contracts describe; without the header the account's own counts."""
PAGE = 100
CALLS_PER_SECOND = 20
"""100 a second are allowed with live data and 25 with test data; others use the account too."""
Object = dict[str, Any]


class StripeClient:
    """Calls to one account."""

    def __init__(self, settings: Settings, billing: BillingSettings) -> None:
        def token(_: bool) -> str:
            return f"Bearer {billing.api_key.get_secret_value()}"

        self._session = ApiSession(
            "billing",
            str(billing.base_url),
            settings,
            calls_per_second=CALLS_PER_SECOND,
            token=token,
            refused=_by_should_retry,
        )
        self._session.headers["Stripe-Version"] = API_VERSION

    @property
    def calls(self) -> int:
        """HTTP calls made."""
        return self._session.calls

    def close(self) -> None:
        """Close the session."""
        self._session.close()

    def check(self, names: list[str]) -> None:
        """Read one object of each list and one event.

        Raises :class:`headwater.errors.CredentialError` naming what the key may not read.
        """
        for name in [*names, "events"]:
            try:
                self._get(f"/v1/{name}", {"limit": "1"})
            except (CredentialError, VendorRejectedError) as error:
                raise CredentialError(
                    f"Stripe refused to list {name}: {error.what}",
                    next_step="Check BILLING_API_KEY: a restricted key that may read Customers, "
                    "Subscriptions, Invoices, Charges and Refunds, and Events.",
                ) from error

    def listing(
        self, name: str, listing: Listing, after: str | None, created_from: int | None
    ) -> Iterator[tuple[list[Object], str]]:
        """Pages of objects, newest first, behind the object ``after``, each with the id of its last
        one. ``created_from`` (epoch seconds) leaves out what was made before."""
        params = {"limit": str(PAGE), **listing.params}
        if created_from is not None:
            params["created[gte]"] = str(created_from)
        if listing.expand:
            params["expand[]"] = f"data.{listing.expand}"
        for page in self._pages(f"/v1/{name}", params, after):
            yield [self._whole(each, listing) for each in page], page[-1]["id"]

    def get(self, name: str, listing: Listing, key: str) -> Object | None:
        """An object as it is now, None once it is gone."""
        params = {"expand[]": listing.expand} if listing.expand else {}
        try:
            found = self._get(f"/v1/{name}/{key}", params)
        except VendorRejectedError as error:
            if error.status == 404:
                return None
            raise
        return None if found.get("deleted") else self._whole(found, listing)

    def events(
        self, types: tuple[str, ...], created_from: int, after: str | None
    ) -> Iterator[list[Object]]:
        """Pages of events of these types since ``created_from`` (epoch seconds), newest first;
        those behind the event ``after``."""
        params: dict[str, Any] = {
            "limit": str(PAGE),
            "types[]": list(types),
            "created[gte]": str(created_from),
        }
        yield from self._pages("/v1/events", params, after)

    def _whole(self, found: Object, listing: Listing) -> Object:
        """The object with all of its nested list, of which Stripe shows the first entries only."""
        if listing.nested is None:
            return found
        name, path = listing.nested
        if not found[name].get("has_more"):
            return found
        url, _, query = path.format(id=found["id"]).partition("?")
        params = dict([query.split("=", 1)] if query else [])
        pages = self._pages(url, {"limit": str(PAGE), **params}, None)
        whole = [entry for page in pages for entry in page]
        return {**found, name: {**found[name], "data": whole, "has_more": False}}

    def _pages(
        self, path: str, params: dict[str, Any], after: str | None
    ) -> Iterator[list[Object]]:
        while True:
            behind = {} if after is None else {"starting_after": after}
            answer = self._get(path, {**params, **behind})
            page: list[Object] = answer["data"]
            if page:
                yield page
            if not page or not answer["has_more"]:
                return
            after = page[-1]["id"]

    def _get(self, path: str, params: dict[str, Any]) -> Object:
        answer: Object = self._session.call("GET", path, params=params).json()
        return answer


def _by_should_retry(response: requests.Response) -> Exception | None:
    """Stripe knows better than the status whether a call is worth another try, and may say so."""
    word, status = response.headers.get("Stripe-Should-Retry"), response.status_code
    if word is None or status in {401, 403, 429}:
        return None
    where = f"billing {response.request.method} {urlsplit(str(response.request.url)).path}"
    body = response.text[:2000]
    if word == "true":
        return VendorUnavailableError(f"{where}: {status}, to be tried again: {body}")
    return VendorRejectedError(
        f"{where}: {status}, not to be tried again: {body}", status=status, body=body
    )
