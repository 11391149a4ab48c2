"""The tokens of one Outreach user: an access token of two hours, a refresh token for its next one.

Each use of a refresh token replaces it, and a user gets one access token a minute. So both are kept
in ``<home>/credentials/outreach.json``, readable by its owner only, and renewed under a file lock:
the source, the destination and all processes of a home share them, and nobody burns the token that
somebody else is about to use.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.errors import CredentialError, VendorRejectedError, VendorUnavailableError
from headwater.http import ApiSession
from headwater.settings import Settings
from headwater.system_settings import OutreachSettings


class OutreachTokens:
    """The current tokens, shared by all processes of one home."""

    def __init__(self, account: OutreachSettings, settings: Settings) -> None:
        self._account = account
        self._file = settings.home / "credentials" / "outreach.json"
        self._session = ApiSession("Outreach", str(account.base_url), settings)
        self._access_token: str | None = None

    def authorization(self, renew: bool) -> str:
        """The ``Authorization`` header; a token that was refused (``renew``) is renewed unless
        somebody else has done it.

        Raises :class:`headwater.errors.CredentialError` when Outreach refuses the refresh token,
        and the Retryable errors of :class:`headwater.http.ApiSession`.
        """
        with self._locked():
            kept = self._kept()
            known = kept.get("access_token")
            if known is None or (renew and known == self._access_token):
                known = self._renew(kept.get("refresh_token"))
            self._access_token = known
        return f"Bearer {known}"

    def close(self) -> None:
        """Close the session."""
        self._session.close()

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
            kept = {
                "configured": _fingerprint(first),
                "refresh_token": str(answer["refresh_token"]),
                "access_token": str(answer["access_token"]),
            }
        except (VendorRejectedError, CredentialError) as error:
            raise CredentialError(
                "Outreach refused the refresh token or the client "
                f"(status {getattr(error, 'status', None) or '401'}).",
                next_step="A refresh token lives 14 days and dies at its use: authorize again and "
                "set OUTREACH_REFRESH_TOKEN.",
            ) from None
        except (ValueError, LookupError, TypeError):
            raise VendorUnavailableError(
                "Outreach answered the request for tokens without tokens.",
                next_step="Is a proxy or a maintenance page answering instead of Outreach? Check "
                "OUTREACH_BASE_URL.",
            ) from None
        staged = self._file.with_suffix(".part")
        staged.unlink(missing_ok=True)
        handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(self._file)
        return kept["access_token"]

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
