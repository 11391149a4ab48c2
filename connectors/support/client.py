"""Zendesk's incremental exports: by cursor, by time, and those of chats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headwater.errors import CredentialError, SourceDataError, VendorRejectedError
from headwater.http import ApiSession
from headwater.settings import Settings
from headwater.system_settings import SupportSettings

PAGE = 1000
CALLS_PER_MINUTE = 200
"""Of the smallest plan, and of the Chat API; larger plans allow more."""
EXPORTS = "/api/v2/incremental"
CHATS = "/api/v2/chat/incremental/chats"
Record = dict[str, Any]


class ZendeskClient:
    """Calls to one account. Exports have a limit of their own, far below that of other calls."""

    def __init__(self, settings: Settings, support: SupportSettings) -> None:
        base = str(support.base_url or f"https://{support.subdomain}.zendesk.com")
        user = f"{support.email}/token"
        self._exports = ApiSession(
            "support",
            base,
            settings,
            calls_per_second=support.exports_per_minute / 60,
            window_seconds=60,
        )
        self._exports.auth = (user, support.api_token.get_secret_value())
        self._rest = ApiSession(
            "support", base, settings, calls_per_second=CALLS_PER_MINUTE / 60, window_seconds=60
        )
        self._rest.auth = (user, support.api_token.get_secret_value())
        self._chat: ApiSession | None = None
        if support.chat_access_token is not None:
            token = support.chat_access_token.get_secret_value()
            self._chat = ApiSession(
                "support", base, settings, calls_per_second=CALLS_PER_MINUTE / 60, window_seconds=60
            )
            self._chat.headers["Authorization"] = f"Bearer {token}"

    @property
    def calls(self) -> int:
        """HTTP calls made."""
        return sum(session.calls for session in self._sessions())

    def close(self) -> None:
        """Close the sessions."""
        for session in self._sessions():
            session.close()

    def check(self) -> None:
        """Ask who we are: exports are for administrators only.

        Raises :class:`headwater.errors.CredentialError` naming the setting to look at.
        """
        # Without a valid credential Zendesk may answer as to somebody anonymous, not with 401.
        try:
            user = self._rest.call("GET", "/api/v2/users/me.json").json()["user"]
        except (CredentialError, VendorRejectedError) as error:
            raise CredentialError(
                f"Zendesk refused to say who we are: {error.what}",
                next_step="Check SUPPORT_SUBDOMAIN, SUPPORT_EMAIL and SUPPORT_API_TOKEN, and that "
                "token access is switched on in the Admin Center.",
            ) from error
        if user.get("role") != "admin":
            raise CredentialError(
                f"Zendesk takes us for somebody of role {user.get('role')!r}; "
                "incremental exports need an administrator.",
                next_step="Check SUPPORT_EMAIL and SUPPORT_API_TOKEN.",
            )
        if self._chat is not None:
            try:
                self._chat.call("GET", CHATS, params={"start_time": "0", "limit": "1"})
            except (CredentialError, VendorRejectedError) as error:
                raise CredentialError(
                    f"Zendesk refused to export chats: {error.what}",
                    next_step="Check SUPPORT_CHAT_ACCESS_TOKEN (scopes read and chat), or leave "
                    "it out where the account has no Chat.",
                ) from error

    def by_cursor(
        self, resource: str, cursor: str | None, start_time: int
    ) -> Iterator[tuple[list[Record], str]]:
        """Pages of ``resource`` behind ``cursor`` (from ``start_time``, epoch seconds, without
        one), each with the cursor that leads behind it."""
        while True:
            behind = {"start_time": str(start_time)} if cursor is None else {"cursor": cursor}
            answer = self._exports.call(
                "GET",
                f"{EXPORTS}/{resource}/cursor.json",
                params={**behind, "per_page": str(PAGE)},
            ).json()
            cursor = answer["after_cursor"]
            if cursor is not None:
                yield answer[resource], cursor
            if answer["end_of_stream"] or cursor is None:
                return

    def by_time(
        self, resource: str, start_time: int, **params: str
    ) -> Iterator[tuple[list[Record], int]]:
        """Pages of ``resource`` from ``start_time`` (epoch seconds) on, each with the time to go on
        from; records of that very second come again.

        Where more records share a second than fit into a page, the page holds all of them.
        Raises :class:`headwater.errors.SourceDataError` when an answer does not lead on.
        """
        while True:
            answer = self._exports.call(
                "GET",
                f"{EXPORTS}/{resource}.json",
                params={"start_time": str(start_time), "per_page": str(PAGE), **params},
            ).json()
            records: list[Record] = answer[resource]
            end_time = answer.get("end_time") or start_time
            if end_time <= start_time and not answer["end_of_stream"]:
                if len(records) < PAGE:
                    raise _no_progress(resource, start_time)
                end_time = start_time + 1
            yield records, end_time
            if answer["end_of_stream"]:
                return
            start_time = end_time

    def chats(self, after: tuple[float, str]) -> Iterator[tuple[list[Record], tuple[float, str]]]:
        """Pages of chats behind ``after`` (time in epoch seconds, and chat id), each with the pair
        that leads behind it; none without a token for chats.

        Raises :class:`headwater.errors.SourceDataError` when an answer does not lead on.
        """
        if self._chat is None:
            return
        while True:
            start_time, start_id = after
            answer = self._chat.call(
                "GET",
                CHATS,
                params={
                    "start_time": f"{start_time:.6f}".rstrip("0").rstrip("."),
                    "start_id": start_id,
                    "limit": str(PAGE),
                    "fields": "chats(*)",
                },
            ).json()
            records: list[Record] = answer["chats"]
            end = answer.get("end_time")
            behind = after if end is None else (float(end), str(answer.get("end_id") or ""))
            yield records, behind
            if len(records) < PAGE:
                return
            if behind == after:
                raise _no_progress("chats", start_time)
            after = behind

    def _sessions(self) -> list[ApiSession]:
        return [s for s in (self._exports, self._rest, self._chat) if s is not None]


def _no_progress(resource: str, start_time: float) -> SourceDataError:
    return SourceDataError(
        f"Zendesk's export of {resource} from {start_time} says that there is more, and leads back "
        "to the same moment.",
        next_step="Run again later; if it stays so, report it to Zendesk.",
    )
