"""``/oauth/token``: refresh tokens that are replaced at each use, access tokens of two hours."""

from __future__ import annotations

import hmac
import secrets
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Call, Refusal
from sandbox.vendors.outreach.answers import refused
from sandbox.vendors.outreach.store import Store
from sandbox.vendors.rate_window import vendor_seconds

ACCESS_SECONDS = 7200
REFRESH_SECONDS = 14 * 24 * 3600
SCOPE = (
    "prospects.all accounts.all tasks.all sequences.all sequenceStates.all mailings.read users.read"
)


class OAuth:
    """The tokens of one user of one application."""

    def __init__(self, store: Store, faults: FaultPlan, credentials: dict[str, Any]) -> None:
        self._store = store
        self._faults = faults
        self._credentials = credentials

    def token(self, call: Call) -> Response:
        """Give an access token and a new refresh token for a refresh token."""
        form = call.form_or_empty()
        self._check_client(form)
        if form.get("grant_type") != "refresh_token":
            raise _oauth(400, "unsupported_grant_type", "The grant type is not supported.")
        with self._store.db.transaction():
            given = form.get("refresh_token", "")
            if not self._is_valid(given):
                raise _oauth(400, "invalid_grant", "The refresh token is invalid or was used.")
            now = vendor_seconds(self._store.clock)
            last = (self._store.tokens.get("last_issued") or {}).get("at", 0.0)
            if self._faults.take("outreach", call.path, "token_rate_limit") or (
                0 <= now - last < self._store.token_every_seconds
            ):
                wait = max(1, int(self._store.token_every_seconds - (now - last)))
                raise refused(
                    429,
                    "rateLimitExceeded",
                    "Rate Limit Exceeded",
                    "At most one access token per user every 60 seconds.",
                    headers={"Retry-After": str(wait)},
                )
            access, refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
            self._store.tokens.put(f"access/{access}", {"until": now + ACCESS_SECONDS})
            self._store.tokens.put(f"refresh/{refresh}", {"until": now + REFRESH_SECONDS})
            self._store.tokens.put(f"refresh/{given}", {"until": 0.0})
            self._store.tokens.put("last_issued", {"at": now})
        return JSONResponse(
            {
                "access_token": access,
                "token_type": "Bearer",
                "expires_in": ACCESS_SECONDS,
                "refresh_token": refresh,
                "scope": SCOPE,
                "created_at": int(self._store.clock.now().timestamp()),
            }
        )

    def check(self, call: Call) -> None:
        """Refuse a call without a live access token."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        held = self._store.tokens.get(f"access/{token}") if scheme == "Bearer" else None
        live = held is not None and vendor_seconds(self._store.clock) < held["until"]
        if not live or self._faults.take("outreach", call.path, "expired_token"):
            raise refused(401, "unauthorized", "Unauthorized", "The access token is invalid.")

    def _check_client(self, form: dict[str, str]) -> None:
        for name in ("client_id", "client_secret"):
            if not hmac.compare_digest(form.get(name, ""), str(self._credentials[name])):
                raise _oauth(401, "invalid_client", "Client authentication failed.")
        if not form.get("redirect_uri"):
            raise _oauth(400, "invalid_request", "Missing required parameter: redirect_uri.")

    def _is_valid(self, refresh: str) -> bool:
        held = self._store.tokens.get(f"refresh/{refresh}")
        if held is not None:
            return bool(vendor_seconds(self._store.clock) < held["until"])
        return hmac.compare_digest(refresh, str(self._credentials["refresh_token"]))


def _oauth(status: int, error: str, description: str) -> Refusal:
    body = {"error": error, "error_description": description}
    return Refusal(JSONResponse(body, status))
