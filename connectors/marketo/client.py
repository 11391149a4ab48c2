"""Marketo's REST API: calls with the one token of the API user, and paged listings."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from connectors.marketo.answers import Answer, BusyError, TokenDiedError, envelope
from headwater.clock import Clock
from headwater.http import ApiSession
from headwater.marketo_token import ask_for_token
from headwater.settings import Settings
from headwater.system_settings import MarketoSettings

CONCURRENCY = 2
CALLS_PER_SECOND = 2.25
WINDOW_SECONDS = 20
"""100 calls per 20 seconds are allowed, for all integrations together: two streams take 90."""
LISTING_PAGE, ASSET_PAGE = 300, 200
LONGEST_WAIT_SECONDS = 30
Record = dict[str, Any]
Result = TypeVar("Result")


@dataclass
class Token:
    """The access token that all streams share: Marketo gives one per API user."""

    settings: Settings
    marketo: MarketoSettings
    _value: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, refused: str | None = None) -> str:
        """The token; asked for if there is none yet or the present one is ``refused``."""
        with self._lock:
            if not self._value or self._value == refused:
                self._value = self._ask()
            return self._value

    def _ask(self) -> str:
        with ApiSession("marketo", self.marketo.base, self.settings) as session:
            return ask_for_token(session, self.marketo)


class MarketoClient:
    """Calls for one stream."""

    def __init__(
        self, settings: Settings, marketo: MarketoSettings, token: Token, clock: Clock
    ) -> None:
        self._token = token
        self._clock = clock
        self._tries = settings.http_retries + 1
        self._session = ApiSession(
            "marketo",
            str(marketo.base),
            settings,
            calls_per_second=CALLS_PER_SECOND,
            window_seconds=WINDOW_SECONDS,
        )

    @property
    def calls(self) -> int:
        """HTTP calls made; that for the token is not counted."""
        return self._session.calls

    def close(self) -> None:
        """Close the session."""
        self._session.close()

    def ask(self, method: str, path: str, **kwargs: Any) -> Answer:
        """One call that may be repeated, and its envelope.

        Raises the errors of :func:`connectors.marketo.answers.envelope`.
        """
        return self.patiently(lambda: envelope(self.send(method, path, **kwargs)))

    def patiently(self, call: Callable[[], Result]) -> Result:
        """Make a call, again while Marketo says that it cannot just now or its token died."""
        for attempt in Retrying(
            retry=retry_if_exception_type((BusyError, TokenDiedError)),
            stop=stop_after_attempt(self._tries),
            wait=wait_exponential(max=LONGEST_WAIT_SECONDS),
            sleep=self._clock.sleep,
            reraise=True,
        ):
            with attempt:
                known = self._token.get()
                try:
                    return call()
                except TokenDiedError:
                    self._token.get(refused=known)
                    return call()
        raise AssertionError("unreachable: the last attempt raises")

    def send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **kwargs: Any
    ) -> requests.Response:
        """One call as it is, with the token."""
        given = {**(headers or {}), "Authorization": f"Bearer {self._token.get()}"}
        return self._session.call(method, path, headers=given, idempotent=True, **kwargs)

    def listing(
        self, path: str, params: Mapping[str, str], following: str | None
    ) -> Iterator[tuple[list[Record], str | None]]:
        """Pages of 300 of a listing of the lead database, each with the token behind it (None at
        the end). Starts at ``following`` if given."""
        while True:
            place = {"nextPageToken": following} if following else {}
            asked = {**params, **place, "batchSize": str(LISTING_PAGE)}
            answer = self.ask("GET", path, params=asked)
            page: list[Record] = answer.get("result") or []
            following = answer.get("nextPageToken") if page else None
            yield page, following
            if not following:
                return

    def assets(self, path: str) -> Iterator[list[Record]]:
        """Pages of 200 of a listing of assets, by their offset; none has no ``result``."""
        offset = 0
        while True:
            params = {"maxReturn": str(ASSET_PAGE), "offset": str(offset)}
            page: list[Record] = self.ask("GET", path, params=params).get("result") or []
            yield page
            if len(page) < ASSET_PAGE:
                return
            offset += len(page)
