"""Marketo's envelope: nearly every refusal is HTTP 200, and what it means stands in a code."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests

from headwater.errors import (
    CredentialError,
    QuotaExhaustedError,
    RetryableError,
    SourceDataError,
    VendorRejectedError,
)

TOKEN_DIED = frozenset({"601", "602"})
PASSES = frozenset({"604", "606", "608", "611", "615", "713", "719"})
"""Time-out, rate, unavailable, system error, concurrency, transient, lock: try again."""
Answer = dict[str, Any]


class BusyError(RetryableError):
    """Marketo cannot do it just now, and will by itself."""


class TokenDiedError(RetryableError):
    """The access token is not valid any more."""


def envelope(response: requests.Response) -> Answer:
    """The answer to a call that succeeded.

    Raises the error that the first code in it means; the message is kept, cut to 500 characters.
    """
    where = f"marketo {response.request.method} {urlsplit(str(response.request.url)).path}"
    try:
        answer = response.json()
    except requests.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise SourceDataError(
            f"{where}: the answer is not Marketo's ({response.text[:100]!r}).",
            next_step="Check MARKETO_BASE_URL.",
        )
    if answer.get("success"):
        return answer
    first: Answer = next(iter(answer.get("errors") or ()), {})
    code, message = str(first.get("code")), str(first.get("message", ""))[:500]
    raise _meaning(f"{where}: {code}: {message}.", code, message)


def _meaning(what: str, code: str, message: str) -> Exception:
    if code in TOKEN_DIED:
        return TokenDiedError(what)
    if code in PASSES or (code == "1029" and "queue" in message and "already" not in message):
        return BusyError(what, next_step="Marketo is asked again later.")
    if code == "607" or (code == "1029" and "quota" in message):
        return QuotaExhaustedError(
            what,
            next_step="What was read is kept, and reading goes on from there after midnight US "
            "Central time; all integrations of the instance share the quota.",
        )
    if code == "603":
        return CredentialError(
            what,
            next_step="The API user's role needs Read-Only Lead, Read-Only Activity and "
            "Read-Only Assets.",
        )
    return VendorRejectedError(what, status=int(code) if code.isdigit() else None, body=message)
