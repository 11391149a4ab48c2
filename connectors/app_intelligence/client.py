"""The Apptopia-like API: login, the directory, look-ups by id and time series."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from headwater.errors import CredentialError, SourceDataError, VendorRejectedError
from headwater.http import ApiSession
from headwater.settings import Settings
from headwater.system_settings import AppIntelligenceSettings

IDS_A_CALL = 50
DAYS_A_CALL = 180
PARTITIONS = 100
"""The least into which the directory can be cut; a partition is paged through by tokens."""
CALLS_PER_MINUTE = 1000
Record = dict[str, Any]


class AppIntelligenceClient:
    """One login. ``calls`` counts HTTP calls, logins included."""

    def __init__(self, settings: Settings, group: AppIntelligenceSettings) -> None:
        self._group = group
        self._held = ""
        self._lock = threading.Lock()
        base_url = str(group.base_url)
        self._login_session = ApiSession("app_intelligence", base_url, settings)
        self._session = ApiSession(
            "app_intelligence",
            base_url,
            settings,
            calls_per_second=CALLS_PER_MINUTE / 60,
            window_seconds=60,
            token=self._token,
        )

    @property
    def calls(self) -> int:
        """HTTP calls so far."""
        return self._login_session.calls + self._session.calls

    def check(self, store: str) -> None:
        """Look up an app that is nobody's: proves the login, and that the plan has the store."""
        try:
            self._session.call("GET", f"/api/{store}/app", params={"id[]": ["0"]})
        except (CredentialError, VendorRejectedError) as error:
            raise CredentialError(
                f"The app intelligence refused store {store}: {error.what}",
                next_step="Check APP_INTELLIGENCE_CLIENT, APP_INTELLIGENCE_SECRET, "
                "APP_INTELLIGENCE_STORES and APP_INTELLIGENCE_BASE_URL.",
            ) from error

    def publishers(
        self, store: str, partition: int, page_token: str | None
    ) -> Iterator[tuple[list[Record], str | None]]:
        """Pages of one partition of the directory from ``page_token`` on, each with the token of
        the next, None behind the last."""
        while True:
            params: dict[str, Any] = {"partition": partition, "total_partitions": PARTITIONS}
            if page_token:
                params["page_token"] = page_token
            answer = self._session.call(
                "GET", f"/api/{store}/publisher/discovery", params=params
            ).json()
            rows = answer.get("result_rows") if isinstance(answer, dict) else None
            page_token = (answer.get("next_page_token") or None) if rows is not None else None
            yield _rows(rows, f"the directory of {store}"), page_token
            if not page_token:
                return

    def apps(self, store: str, ids: Sequence[str]) -> list[Record]:
        """Up to :data:`IDS_A_CALL` apps by id; those that are gone are missing."""
        answer = self._session.call("GET", f"/api/{store}/app", params={"id[]": list(ids)})
        return _rows(answer.json(), f"apps of {store}")

    def estimates(
        self, store: str, country: str, ids: Sequence[str], first: date, last: date
    ) -> list[Record]:
        """Estimates of up to :data:`IDS_A_CALL` apps for up to :data:`DAYS_A_CALL` days, both ends
        included."""
        answer = self._session.call(
            "GET",
            f"/api/{store}/estimates",
            params={
                "id[]": list(ids),
                "country_iso": country,
                "date_from": first.isoformat(),
                "date_to": last.isoformat(),
                "model_version": self._group.model_version,
            },
        )
        return _rows(answer.json(), f"estimates of {store}")

    def close(self) -> None:
        """Close the sessions."""
        self._login_session.close()
        self._session.close()

    def _token(self, renew: bool) -> str:
        """The header's value: the bare token, without a scheme. It lives about two weeks."""
        with self._lock:
            if renew or not self._held:
                self._held = self._login()
            return self._held

    def _login(self) -> str:
        form = {
            "client": self._group.client,
            "secret": self._group.secret.get_secret_value(),
        }
        answer = self._login_session.call("POST", "/api/login", data=form, idempotent=True).json()
        token = answer.get("token") if isinstance(answer, dict) else None
        if not token:
            raise CredentialError(
                "The app intelligence answered a login without a token.",
                next_step="Check APP_INTELLIGENCE_CLIENT and APP_INTELLIGENCE_SECRET.",
            )
        return str(token)


def _rows(answer: Any, what: str) -> list[Record]:
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise SourceDataError(
            f"app_intelligence: {what}: the answer is no list of objects: {str(answer)[:200]}",
            next_step="Check APP_INTELLIGENCE_BASE_URL; nothing of this answer was landed.",
        )
    return answer
