"""The login to Salesforce by the client-credentials flow, for the source and the destination.

simple-salesforce's own has no timeout, takes a maintenance page for a wrong secret, and shows an
answer that was cut off, with the token in it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

from headwater.errors import CredentialError, OutcomeUnknownError, VendorUnavailableError
from headwater.http import ApiSession
from headwater.settings import Settings
from headwater.system_settings import SalesforceSettings

THROTTLED = "login rate exceeded"


def log_in(account: SalesforceSettings, settings: Settings) -> tuple[str, str]:
    """An access token, and the host of the org that it is for. Not counted as an API call.

    Raises :class:`headwater.errors.VendorUnavailableError` when there is no answer, or none that
    can be read, and :class:`headwater.errors.CredentialError` when the login is refused.
    """
    where = f"{account.domain}.salesforce.com"
    base = str(account.base_url or f"https://{where}")

    def refused(response: requests.Response) -> Exception | None:
        return _refusal(response, where)

    with ApiSession("Salesforce login", base, settings, refused=refused) as session:
        try:
            response = session.call(
                "POST",
                "/services/oauth2/token",
                idempotent=True,  # a token that nobody got harms nobody
                auth=(account.client_id, account.client_secret.get_secret_value()),
                data={"grant_type": "client_credentials"},
            )
        except (OutcomeUnknownError, VendorUnavailableError) as error:
            raise VendorUnavailableError(
                f"Salesforce at {where} gave no token: {error.what}",
                next_step="Check SALESFORCE_DOMAIN, SALESFORCE_BASE_URL and the network.",
            ) from error
    try:
        answer = response.json()
        return str(answer["access_token"]), urlsplit(str(answer["instance_url"])).netloc
    except (ValueError, LookupError, TypeError):
        raise VendorUnavailableError(
            f"Salesforce at {where} answered the login without a token and an instance_url.",
            next_step="Is a proxy or a maintenance page answering instead of Salesforce?",
        ) from None


def _refusal(response: requests.Response, where: str) -> Exception | None:
    """What a 400, 401 or 403 of the token endpoint means; None for other statuses."""
    if response.status_code not in (400, 401, 403):
        return None
    try:
        answer = response.json()
        said = f"{answer['error']}: {answer.get('error_description', '')}"
    except (ValueError, LookupError, TypeError, AttributeError):
        said = response.text[:500]
    if THROTTLED in said:
        return VendorUnavailableError(
            f"{said}.", next_step="Salesforce takes no more logins of this user for some minutes."
        )
    return CredentialError(
        f"Salesforce refused the login at {where}: {said}.",
        next_step="Check SALESFORCE_DOMAIN (the My Domain, such as acme.my), SALESFORCE_CLIENT_ID "
        "and SALESFORCE_CLIENT_SECRET, and that the client credentials flow of the connected app "
        "has a user to run as.",
    )
