"""Outreach over JSON:API: OAuth with a rotating refresh token, cursor pages, errors.

Each use of a refresh token replaces it, and a user gets one access token a minute. So both tokens
are kept in ``<home>/credentials/outreach.json``, readable by its owner only, and renewed under a
file lock: several processes share them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from headwater.errors import CredentialError, VendorRejectedError
from headwater.http import ApiSession
from headwater.settings import OutreachSettings, Settings, load
from syncs.destinations.answers import reading

MEDIA_TYPE = "application/vnd.api+json"
LOOKUP_KEYS = 100
"""Keys per look-up: keeps the address of the call below 8 KB."""
PAGE_ROWS = 1000


class OutreachApi:
    """The REST API of one Outreach user. Nothing is called before the first call."""

    def __init__(self, settings: Settings) -> None:
        account = load(OutreachSettings)
        self._tokens = _Tokens(account, settings)
        self._session = ApiSession(
            "Outreach", str(account.base_url), settings, token=self._tokens.authorization
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
            parts = urlsplit(following)
            answer = self._session.call("GET", f"{parts.path}?{parts.query}")


class _Tokens:
    """The current tokens, shared by all processes of one home."""

    def __init__(self, account: OutreachSettings, settings: Settings) -> None:
        self._account = account
        self._file = settings.home / "credentials" / "outreach.json"
        self._session = ApiSession("Outreach", str(account.base_url), settings)
        self._access_token: str | None = None

    def authorization(self, renew: bool) -> str:
        """The header; a token that was refused is renewed unless somebody else has done it."""
        with self._locked():
            kept = self._kept()
            known = kept.get("access_token")
            if known is None or (renew and known == self._access_token):
                known = self._renew(kept.get("refresh_token"))
            self._access_token = known
        return f"Bearer {known}"

    def _renew(self, refresh_token: str | None) -> str:
        first = self._account.refresh_token.get_secret_value()
        try:
            answer = self._session.call(
                "POST",
                "/oauth/token",
                data={
                    "grant_type": "refresh_token",
                    "refresh_token": refresh_token or first,
                    "client_id": self._account.client_id,
                    "client_secret": self._account.client_secret.get_secret_value(),
                    "redirect_uri": self._account.redirect_uri,
                },
            ).json()
        except (VendorRejectedError, CredentialError) as error:
            raise CredentialError(
                "Outreach refused the refresh token or the client "
                f"(status {getattr(error, 'status', None) or '401'}).",
                next_step="A refresh token lives 14 days and dies at its use: authorize again and "
                "set OUTREACH_REFRESH_TOKEN.",
            ) from None
        kept = {
            "configured": _fingerprint(first),
            "refresh_token": answer["refresh_token"],
            "access_token": answer["access_token"],
        }
        staged = self._file.with_suffix(".part")
        staged.unlink(missing_ok=True)
        handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(self._file)
        return str(answer["access_token"])

    def _kept(self) -> dict[str, str]:
        """What was kept for the configured refresh token; nothing once another is configured."""
        if not self._file.exists():
            return {}
        kept: dict[str, str] = json.loads(self._file.read_text(encoding="utf-8"))
        first = self._account.refresh_token.get_secret_value()
        return kept if kept.get("configured") == _fingerprint(first) else {}

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with Path(f"{self._file}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _fingerprint(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
