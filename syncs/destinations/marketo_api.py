"""Marketo's REST API for writing: the token, the calls, and what an envelope means.

Nearly every refusal is HTTP 200 with a code inside. What was refused before anything was done is
tried again here; what may have been done is left to the engine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from headwater.errors import (
    CredentialError,
    OutcomeUnknownError,
    QuotaExhaustedError,
    RateLimitedError,
    VendorRejectedError,
)
from headwater.http import ApiSession
from headwater.marketo_token import ask_for_token
from headwater.settings import Settings
from headwater.system_settings import MarketoSettings
from syncs.destination import Change, Outcome, RowResult
from syncs.destinations.answers import reading

BATCH_ROWS = 300
CALLS_PER_SECOND, WINDOW_SECONDS = 4.5, 20
"""100 calls in 20 seconds are allowed, for all integrations of the instance together."""
LONGEST_WAIT_SECONDS = 16
TOKEN_DIED = frozenset({"601", "602"})
TOO_FAST = frozenset({"606", "615"})
NOT_BEGUN = frozenset({"606", "615", "1016", "1019"})
"""Rate, concurrency, too many imports, the list is being imported to: nothing was done."""
MAY_BE_DONE = frozenset({"604", "608", "611", "713", "719"})
"""Time-out, unavailable, system error, transient, lock: it may have been done all the same."""
Record = dict[str, Any]


class _TokenDied(Exception):
    """The access token is not valid any more; nothing was done."""


class MarketoApi:
    """Calls of one destination. ``calls`` counts those for the token, too."""

    def __init__(
        self,
        settings: Settings,
        account: MarketoSettings,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._account = account
        self._token = ""
        self._tries = settings.http_retries + 1
        self._sleep = sleep
        self._session = ApiSession(
            "Marketo",
            account.base,
            settings,
            calls_per_second=CALLS_PER_SECOND,
            window_seconds=WINDOW_SECONDS,
            source="to marketo",
        )

    @property
    def calls(self) -> int:
        """HTTP calls made so far."""
        return self._session.calls

    def ask(self, method: str, path: str, **kwargs: Any) -> list[Record]:
        """The ``result`` of a call that succeeded."""
        result: list[Record] = self.answer(method, path, **kwargs).get("result") or []
        return result

    def answer(self, method: str, path: str, **kwargs: Any) -> Record:
        """The whole envelope of a call that succeeded.

        Raises :class:`RateLimitedError` where nothing was done, :class:`QuotaExhaustedError` when
        the day's calls are used up, :class:`OutcomeUnknownError` where it may have been done,
        :class:`CredentialError` for a missing right, :class:`VendorRejectedError` for the rest.
        """
        for attempt in Retrying(
            retry=retry_if_exception_type(RateLimitedError),
            stop=stop_after_attempt(self._tries),
            wait=wait_exponential(max=LONGEST_WAIT_SECONDS),
            sleep=self._sleep,
            reraise=True,
        ):
            with attempt:
                try:
                    return self._once(method, path, kwargs)
                except _TokenDied:
                    self._token = ""
                try:
                    return self._once(method, path, kwargs)
                except _TokenDied as died:
                    raise CredentialError(
                        f"Marketo: a new token was refused, too: {died}",
                        next_step="Check the custom service in Admin, LaunchPoint.",
                    ) from None
        raise AssertionError("unreachable: the last attempt raises")

    def rows(
        self, changes: Sequence[Change], method: str, path: str, **kwargs: Any
    ) -> list[RowResult]:
        """Write rows by one call and return the answer of each, which Marketo gives in the order
        of the input; of what it answers for another number, nothing can be known."""
        result = self.ask(method, path, **kwargs)
        if len(result) != len(changes):
            raise OutcomeUnknownError(
                f"Marketo {method} {path}: {len(changes)} rows were sent and {len(result)} "
                "answered.",
                next_step="They are sent again: the key makes it the same.",
            )
        return [_row(change, row) for change, row in zip(changes, result, strict=True)]

    def _once(self, method: str, path: str, kwargs: Mapping[str, Any]) -> Record:
        self._token = self._token or ask_for_token(self._session, self._account)
        headers = {"Authorization": f"Bearer {self._token}"}
        response = self._session.call(method, path, headers=headers, **kwargs)
        with reading("Marketo", response):
            answer: Record = response.json()
            if answer["success"]:
                return answer
            first = answer["errors"][0]
            code, message = str(first["code"]), str(first.get("message", ""))[:500]
        if code in TOO_FAST:
            self._session.slow_down()
        raise _meaning(f"Marketo {method} {path}: {code}: {message}", code, message)


def _meaning(what: str, code: str, message: str) -> Exception:
    if code in TOKEN_DIED:
        return _TokenDied(what)
    if code in NOT_BEGUN or (code == "1029" and "queue" in message and "already" not in message):
        return RateLimitedError(
            what, next_step="Nothing was written; the rows go out with the next run."
        )
    if code == "607" or (code == "1029" and "quota" in message.lower()):
        return QuotaExhaustedError(
            what,
            next_step="The rows stay owed and go out after midnight US Central time; all "
            "integrations of the instance share the quota.",
        )
    if code in MAY_BE_DONE:
        return OutcomeUnknownError(what, next_step="It is sent again: the key makes it the same.")
    if code == "603":
        return CredentialError(
            what, next_step="The API user's role needs Read-Write Lead (and Read-Only Assets)."
        )
    return VendorRejectedError(what, status=int(code) if code.isdigit() else None, body=message)


def _row(change: Change, row: Record) -> RowResult:
    found = row.get("id", row.get("leadId"))
    lead = str(found) if found is not None else None
    reasons = row.get("reasons") or ()
    if not reasons and row.get("status") != "skipped":
        return RowResult(change.key, Outcome.DELIVERED, lead)
    codes = ",".join(str(reason.get("code")) for reason in reasons) or "skipped"
    said = "; ".join(str(reason.get("message", "")) for reason in reasons)
    return RowResult(change.key, Outcome.REJECTED, lead, code=codes, message=said)
