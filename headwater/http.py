"""The HTTP session that every vendor client uses: base URL, timeouts, retries, rate limit, errors.

Retries follow one rule: a call that cannot have had an effect twice (GET and the like, or any call
that the vendor refused with 429 before doing it) is tried again here, with exponential backoff and
``Retry-After`` obeyed; a write whose answer was lost, or was a 5xx, may have happened all the same,
so it is never repeated here: it becomes :class:`OutcomeUnknownError`, and the caller decides.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from headwater.allowance import Allowance
from headwater.budget import call_budget
from headwater.errors import (
    CredentialError,
    OutcomeUnknownError,
    RateLimitedError,
    RetryableError,
    VendorRejectedError,
    VendorUnavailableError,
)
from headwater.pace import Pace, remaining_calls, seconds_until_reset
from headwater.recording import note
from headwater.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_WAIT_SECONDS = 60.0
LOST_CONNECTION = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
"""No answer came, or one that was cut short."""


class ApiSession(requests.Session):
    """A ``requests`` session for one vendor.

    ``vendor`` names the outside system in errors; where it is the name of a source, calls count
    toward its daily budget (``HEADWATER_DAILY_CALLS``), or toward that of ``source``. ``base_url``
    is put before relative paths.
    ``calls_per_second`` paces calls on this side, counted over ``window_seconds``: a vendor that
    counts over ten seconds lets calls come in bursts. A vendor that refuses a call for its rate, or
    says that little of its window is left, is called less often for a while
    (:class:`headwater.pace.Pace`). ``token`` is asked for the ``Authorization``
    header of each call; after a 401 it is asked once more with ``renew=True``. ``refused`` reads an
    answer that is no success in the vendor's own terms: the error it means, or None where its
    status says it all. ``secret_url``: the URL of each call is a secret, and in no recording.
    ``allowance`` ends the calls where the vendor says that our part of its day is used.
    ``calls`` counts the HTTP calls made, retries included.
    """

    def __init__(
        self,
        vendor: str,
        base_url: str,
        settings: Settings,
        *,
        calls_per_second: float | None = None,
        window_seconds: int = 1,
        token: Callable[[bool], str] | None = None,
        source: str | None = None,
        refused: Callable[[requests.Response], Exception | None] | None = None,
        secret_url: bool = False,
        allowance: Allowance | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.vendor = vendor
        self.base_url = base_url.rstrip("/")
        self.calls = 0
        self._turn = threading.Lock()
        self._timeout = settings.http_timeout_seconds
        self._retries = settings.http_retries
        self._token = token
        self._budget = call_budget(source or vendor, settings)
        self._refused = refused
        self._allowance = allowance
        self._shown_as = vendor if secret_url else None
        self._sleep = sleep
        self._pace = (
            Pace(
                max(1, int(calls_per_second * window_seconds)), window_seconds, now=now, sleep=sleep
            )
            if calls_per_second
            else None
        )
        adapter = HTTPAdapter(pool_connections=8, pool_maxsize=8, max_retries=0)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def call(
        self,
        method: str,
        path: str,
        *,
        idempotent: bool | None = None,
        accept: tuple[int, ...] = (),
        **kwargs: Any,
    ) -> requests.Response:
        """Make one call and return a response that is 2xx (or whose status is in ``accept``).

        ``idempotent`` says that the call may be repeated after a lost answer; by default only
        safe methods may. Raises the errors of :mod:`headwater.errors` by status.
        """
        repeatable = method.upper() in SAFE_METHODS if idempotent is None else idempotent
        retrying = Retrying(
            retry=retry_if_exception(lambda error: _may_repeat(error, repeatable=repeatable)),
            stop=stop_after_attempt(self._retries + 1),
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(self._call_once, method, path, accept, kwargs)

    def _call_once(
        self,
        method: str,
        path: str,
        accept: tuple[int, ...],
        kwargs: Mapping[str, Any],
    ) -> requests.Response:
        response = self._send(method, path, kwargs, renew=False)
        if response.status_code == 401 and self._token is not None:
            response = self._send(method, path, kwargs, renew=True)
        if not response.ok and response.status_code not in accept:
            meant = self._refused(response) if self._refused is not None else None
            error = meant or error_for(self.vendor, response)
            if isinstance(error, RateLimitedError):
                self.slow_down(error.retry_after)
            raise error
        if response.ok and not kwargs.get("stream"):
            self._expect_whole(response)
        return response

    @property
    def calls_allowed(self) -> int | None:
        """Calls in a window as things are, None where no limit is known."""
        return self._pace.allowed if self._pace is not None else None

    def slow_down(self, retry_after: float | None = None) -> None:
        """Make fewer calls for a while: for answers whose status does not say what they mean."""
        if self._pace is not None:
            longest = None if retry_after is None else min(retry_after, LONGEST_WAIT_SECONDS)
            self._pace.slow_down(longest)

    def _expect_whole(self, response: requests.Response) -> None:
        """A JSON body that cannot be read was cut off on its way: the length of an answer that is
        sent in chunks or through a proxy proves nothing."""
        if "json" not in response.headers.get("Content-Type", "").lower() or not response.content:
            return
        try:
            response.json()
        except requests.JSONDecodeError as error:
            method = str(response.request.method)
            where = f"{self.vendor} {method} {urlsplit(str(response.request.url)).path}"
            what = (
                f"{where}: the answer is no whole JSON (it ends at byte {len(response.content)})."
            )
            if method.upper() in SAFE_METHODS:
                raise VendorUnavailableError(
                    what, next_step="It was cut off on its way; it is asked for again."
                ) from error
            raise OutcomeUnknownError(
                what, next_step="It is resolved what the call did before it is sent again."
            ) from error

    def _send(
        self, method: str, path: str, kwargs: Mapping[str, Any], *, renew: bool
    ) -> requests.Response:
        url = path if path.startswith(("http://", "https://")) else f"{self.base_url}{path}"
        headers = dict(kwargs.get("headers") or {})
        if self._token is not None:
            headers["Authorization"] = self._token(renew)
        options = {"timeout": self._timeout, **kwargs, "headers": headers}
        if self._pace is not None:
            self._pace.take()
        if self._allowance is not None:
            self._allowance.begin()
        told: Mapping[str, str] = {}
        try:
            answer = self._answer(method, url, options)
            told = answer.headers
        finally:
            if self._allowance is not None:
                self._allowance.end(told)
        remaining = remaining_calls(told)
        if self._pace is not None and remaining is not None:
            self._pace.told(remaining)
        return answer

    def _answer(self, method: str, url: str, options: dict[str, Any]) -> requests.Response:
        if self._budget is not None:
            self._budget.spend()
        with self._turn:
            self.calls += 1
        try:
            answer = self.request(method, url, **options)
        except LOST_CONNECTION as error:
            note(method, url, options, None, shown_as=self._shown_as)
            where = f"{self.vendor} {method} {urlsplit(url).path}"
            if _never_sent(error) or method.upper() in SAFE_METHODS:
                raise VendorUnavailableError(
                    f"{where}: no connection, or one that broke ({type(error).__name__}).",
                    next_step="Check the base URL setting and the network.",
                ) from error
            raise OutcomeUnknownError(
                f"{where}: sent, but no answer came whole ({type(error).__name__}).",
                next_step="The write may or may not have happened; it is resolved before it is "
                "sent again.",
            ) from error
        note(method, url, options, answer, shown_as=self._shown_as)
        return answer


class BaseUrlAdapter(HTTPAdapter):
    """Sends each request to another base URL, path and query unchanged.

    For clients that insist on building ``https://host`` themselves (simple-salesforce): a
    corporate gateway or a test double is reached by mounting this on the session they use.
    """

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base = urlsplit(base_url)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """Send ``request`` to the configured base."""
        asked = urlsplit(str(request.url))
        request.url = urlunsplit(
            (
                self._base.scheme,
                self._base.netloc,
                self._base.path.rstrip("/") + asked.path,
                asked.query,
                "",
            )
        )
        return super().send(request, **kwargs)


def error_for(vendor: str, response: requests.Response) -> Exception:
    """The error that an answer means, by its status; the body is kept, cut to 2,000 characters."""
    status = response.status_code
    request = response.request
    where = f"{vendor} {request.method} {urlsplit(str(request.url)).path}"
    body = response.text[:2000]
    if status == 429:
        return RateLimitedError(
            f"{where}: rate limit (429).",
            next_step="Waits and goes on by itself; lower other users' traffic if it persists.",
            retry_after=_retry_after(response),
        )
    if status in {401, 403}:
        return CredentialError(
            f"{where}: refused ({status}): {body}",
            next_step=f"Check the {vendor} credential and its rights; see .env.example.",
        )
    if status >= 500 and str(request.method).upper() not in SAFE_METHODS:
        return OutcomeUnknownError(
            f"{where}: {status}: {body}",
            next_step="The write may or may not have happened; it is resolved before it is "
            "sent again.",
        )
    if status >= 500 or status in {408, 420, 423}:
        return VendorUnavailableError(f"{where}: {status}: {body}")
    return VendorRejectedError(f"{where}: {status}: {body}", status=status, body=body)


def _never_sent(error: Exception) -> bool:
    return isinstance(error, requests.exceptions.ConnectTimeout) or (
        "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error)
    )


def _may_repeat(error: BaseException, *, repeatable: bool) -> bool:
    if isinstance(error, RateLimitedError):
        return True
    return repeatable and isinstance(error, RetryableError)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, RateLimitedError) and error.retry_after is not None:
        return min(error.retry_after, LONGEST_WAIT_SECONDS)
    return float(min(0.25 * 2 ** (state.attempt_number - 1), LONGEST_WAIT_SECONDS))


def _retry_after(response: requests.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    try:
        seconds = float(value)
    except ValueError:
        return seconds_until_reset(response.headers, time.time())
    return seconds if seconds >= 0 else None
