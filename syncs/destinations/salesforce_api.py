"""Salesforce over REST: token, base URL, and errors told apart by ``errorCode``.

The calls are made with :class:`headwater.http.ApiSession`, because simple-salesforce's own call
layer neither retries, nor renews the token for bulk jobs, nor says whether a write may have
happened.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests

from headwater.allowance import Allowance
from headwater.errors import (
    CredentialError,
    QuotaExhaustedError,
    RateLimitedError,
    VendorRejectedError,
)
from headwater.http import ApiSession
from headwater.salesforce_login import log_in
from headwater.settings import Settings
from headwater.system_settings import SalesforceSettings

TOLD_APART_HERE = (400, 403, 404, 414, 431)
LOCKED = "UNABLE_TO_LOCK_ROW"


class SalesforceApi:
    """One org. Nothing is called before the first call."""

    def __init__(self, account: SalesforceSettings, settings: Settings) -> None:
        self._account = account
        self._settings = settings
        self._token: str | None = None
        host = str(account.base_url or f"https://{account.domain}.salesforce.com")
        self._session = ApiSession(
            "Salesforce",
            host,
            settings,
            source="to salesforce",
            token=self._authorization,
            allowance=Allowance("Salesforce", account.api_share, "SALESFORCE_API_SHARE"),
        )
        self.root = f"/services/data/v{account.api_version}"

    @property
    def calls(self) -> int:
        """API calls made, retries included; logins are not API calls."""
        return self._session.calls

    def call(
        self, method: str, path: str, *, idempotent: bool | None = None, **kwargs: Any
    ) -> requests.Response:
        """One call below the versioned root. Raises by what Salesforce's ``errorCode`` means."""
        answer = self._session.call(
            method,
            self.root + path,
            idempotent=idempotent,
            accept=TOLD_APART_HERE,
            **kwargs,
        )
        if not answer.ok:
            raise error_of(method, path, answer)
        return answer

    def _authorization(self, renew: bool) -> str:
        if self._token is None or renew:
            self._token = self._login()
        return f"Bearer {self._token}"

    def _login(self) -> str:
        token, instance = log_in(self._account, self._settings)
        if self._account.base_url is None:
            self._session.base_url = f"https://{instance}"
        return token


def error_of(method: str, path: str, answer: requests.Response) -> Exception:
    """The error that a refusal means, by its first ``errorCode``."""
    where = f"Salesforce {method} {urlsplit(path).path}"
    try:
        first = answer.json()[0]
        code, message = str(first["errorCode"]), str(first.get("message", ""))
    except (ValueError, LookupError, TypeError):
        code, message = str(answer.status_code), answer.text[:500]
    if code == "REQUEST_LIMIT_EXCEEDED":
        if message.startswith("TotalRequests"):
            return QuotaExhaustedError(
                f"{where}: {message}",
                next_step="The org's 24-hour allowance is used up; the rows stay owed and go out "
                "with a later run.",
            )
        return RateLimitedError(f"{where}: {message}")
    if answer.status_code == 403:
        return CredentialError(
            f"{where}: {code}: {message}",
            next_step="docs/salesforce-setup.md lists the rights the integration user needs.",
        )
    return VendorRejectedError(
        f"{where}: {code}: {message}", status=answer.status_code, body=answer.text[:2000]
    )
