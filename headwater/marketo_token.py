"""The access token of Marketo's API user, for the source and the destination."""

from __future__ import annotations

from headwater.errors import (
    CredentialError,
    HeadwaterError,
    RetryableError,
    VendorRejectedError,
    VendorUnavailableError,
)
from headwater.http import ApiSession
from headwater.system_settings import MarketoSettings


def ask_for_token(session: ApiSession, account: MarketoSettings) -> str:
    """An access token; Marketo gives the same one to all who ask, until its hour is over.

    The secret stands in the address, so errors are made anew, outside of those that show it.
    Raises :class:`headwater.errors.CredentialError` when the client is refused, and
    :class:`headwater.errors.VendorUnavailableError` when no answer comes, or one without a token.
    """
    failed: HeadwaterError
    try:
        answer = session.call(
            "GET",
            "/identity/oauth/token",
            params={
                "grant_type": "client_credentials",
                "client_id": account.client_id,
                "client_secret": account.client_secret.get_secret_value(),
            },
        )
        return str(answer.json()["access_token"])
    except (CredentialError, VendorRejectedError):
        failed = CredentialError(
            "Marketo refused the client.",
            next_step="Check MARKETO_CLIENT_ID, MARKETO_CLIENT_SECRET and MARKETO_MUNCHKIN_ID "
            "(Admin, LaunchPoint, view details of the service).",
        )
    except RetryableError as error:
        failed = VendorUnavailableError(error.what, next_step=error.next_step)
    except (ValueError, LookupError, TypeError):
        failed = VendorUnavailableError(
            "Marketo answered the request for a token without one.",
            next_step="Is a proxy or a maintenance page answering instead of Marketo? Check "
            "MARKETO_BASE_URL.",
        )
    raise failed
