"""Outreach's REST API, reading: pages of JSON:API resource objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from headwater.errors import CredentialError, SourceDataError, VendorRejectedError
from headwater.http import ApiSession
from headwater.outreach_tokens import OutreachTokens
from headwater.settings import Settings
from headwater.system_settings import OutreachSettings

MEDIA_TYPE = "application/vnd.api+json"
PAGE = 1000
FORBIDDEN = 403
Record = dict[str, Any]


class OutreachClient:
    """Calls as one user; the user's 10,000 calls an hour are shared by all of this client."""

    def __init__(self, settings: Settings, outreach: OutreachSettings) -> None:
        self._tokens = OutreachTokens(outreach, settings)
        self._session = ApiSession(
            "outreach", str(outreach.base_url), settings, token=self._tokens.authorization
        )
        self._session.headers.update({"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE})

    @property
    def calls(self) -> int:
        """API calls made; token calls are not counted."""
        return self._session.calls

    def close(self) -> None:
        """Close the sessions."""
        self._session.close()
        self._tokens.close()

    def check(self, resource: str) -> None:
        """Read one record. Raises :class:`headwater.errors.CredentialError` naming the scope."""
        try:
            self._session.call("GET", _path(resource), params={"page[size]": "1"})
        except (CredentialError, VendorRejectedError) as error:
            raise CredentialError(
                f"Outreach refused to list {resource}: {error.what}",
                next_step="Check OUTREACH_CLIENT_ID, OUTREACH_CLIENT_SECRET and "
                "OUTREACH_REFRESH_TOKEN; the application needs the scope "
                f"{resource}.read.",
            ) from error

    def pages(
        self, resource: str, query: Mapping[str, str], following: str | None
    ) -> Iterator[tuple[list[Record], str | None]]:
        """Pages of a listing, each with the address of the one behind it (None at the end).

        Starts at ``following`` if given, which such an address was. ``query`` is the first page's.
        """
        query = {**query, "page[size]": str(PAGE)}
        while True:
            if following is None:
                answer = self._session.call("GET", _path(resource), params=query)
            else:
                answer = self._session.call("GET", following)
            document = answer.json()
            if not isinstance(document, dict) or not isinstance(document.get("data"), list):
                raise SourceDataError(
                    f"Outreach GET {_path(resource)}: the answer is no JSON:API listing.",
                    next_step="Nothing of it was kept; check OUTREACH_BASE_URL.",
                )
            following = _relative((document.get("links") or {}).get("next"))
            yield document["data"], following
            if following is None:
                return


def _path(resource: str) -> str:
    return f"/api/v2/{resource}"


def _relative(link: str | None) -> str | None:
    """A link without its host: the base URL setting says where to go, not an answer."""
    if not link:
        return None
    parts = urlsplit(link)
    return f"{_path('')}{parts.path.partition('/api/v2/')[2]}?{parts.query}"
