"""Outreach over JSON:API: single writes, look-ups and cursor pages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from headwater.errors import VendorRejectedError
from headwater.http import ApiSession
from headwater.outreach_tokens import OutreachTokens
from headwater.settings import Settings, load
from headwater.system_settings import OutreachSettings
from syncs.destinations.answers import reading

MEDIA_TYPE = "application/vnd.api+json"
LOOKUP_KEYS = 100
"""Keys per look-up: keeps the address of the call below 8 KB."""
PAGE_ROWS = 1000
CALLS_PER_SECOND, WINDOW_SECONDS = 2.5, 3600
"""10,000 calls an hour are allowed to a user, those that read included."""


class OutreachApi:
    """The REST API of one Outreach user. Nothing is called before the first call."""

    def __init__(self, settings: Settings) -> None:
        account = load(OutreachSettings)
        tokens = OutreachTokens(account, settings)
        self._session = ApiSession(
            "Outreach",
            str(account.base_url),
            settings,
            calls_per_second=CALLS_PER_SECOND,
            window_seconds=WINDOW_SECONDS,
            source="to outreach",
            token=tokens.authorization,
        )
        self._session.headers.update({"Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE})

    @property
    def calls(self) -> int:
        """API calls made so far; token calls are not counted."""
        return self._session.calls

    def write(self, method: str, path: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Create (POST) or change (PATCH) one record and return it.

        A POST is never repeated by itself: there is no idempotency key.
        """
        answer = self._session.call(
            method, f"/api/v2/{path}", idempotent=method == "PATCH", json={"data": data}
        )
        with reading("Outreach", answer):
            record: dict[str, Any] = answer.json()["data"]
            return {**record, "id": record["id"]}

    def delete(self, path: str) -> None:
        """Delete one record for good. Asked for again it is not found."""
        self._session.call("DELETE", f"/api/v2/{path}", idempotent=True)

    def find(self, path: str, field: str, values: Sequence[str]) -> list[dict[str, Any]]:
        """Every record whose ``filter[field]`` is one of ``values``, however many pages."""
        found: list[dict[str, Any]] = []
        distinct = sorted(set(values))
        for start in range(0, len(distinct), LOOKUP_KEYS):
            part = distinct[start : start + LOOKUP_KEYS]
            query = {f"filter{field}": ",".join(part), "page[size]": str(PAGE_ROWS)}
            found += self.read(path, query)
        return found

    def read(self, path: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """Every record of a listing."""
        found: list[dict[str, Any]] = []
        answer = self._session.call("GET", f"/api/v2/{path}", params=dict(query))
        while True:
            with reading("Outreach", answer):
                page = answer.json()
                found += [{**each, "attributes": each["attributes"]} for each in page["data"]]
                following = (page.get("links") or {}).get("next")
            if not following:
                return found
            # Relative to the base URL, which may have a path of its own (a proxy, a gateway).
            parts = urlsplit(following)
            rest = parts.path.partition("/api/v2/")[2]
            answer = self._session.call("GET", f"/api/v2/{rest}?{parts.query}")


def error_id(error: VendorRejectedError) -> str:
    """What Outreach calls a refusal, or its status where the answer is none of Outreach's."""
    try:
        return str(json.loads(error.body)["errors"][0]["id"])
    except (ValueError, LookupError, TypeError):
        return str(error.status)
