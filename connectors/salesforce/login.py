"""The access token of one run, by the client-credentials flow.

simple-salesforce logs in; it never renews a token for Bulk, so that is done here.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import requests
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import SalesforceLogin

from headwater.errors import CredentialError, VendorUnavailableError
from headwater.http import ApiSession, BaseUrlAdapter
from headwater.settings import Settings
from headwater.system_settings import SalesforceSettings


@dataclass
class Token:
    """The access token that all sessions of one run share, renewed once however many ask."""

    settings: Settings
    salesforce: SalesforceSettings
    logins: int = 0
    instance: str = ""
    _value: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def login(self, refused: str | None = None) -> str:
        """The token; a new one if there is none yet or the present one is ``refused``."""
        with self._lock:
            if not self._value or self._value == refused:
                self._value, self.instance = self._log_in()
                self.logins += 1
            return self._value

    def _log_in(self) -> tuple[str, str]:
        session = mounted(ApiSession("salesforce", "", self.settings), self.salesforce)
        try:
            token, instance = SalesforceLogin(
                session=session,
                consumer_key=self.salesforce.client_id,
                consumer_secret=self.salesforce.client_secret.get_secret_value(),
                domain=self.salesforce.domain,
            )
        except SalesforceAuthenticationFailed as error:
            raise CredentialError(
                f"Salesforce refused the login at {self.salesforce.domain}.salesforce.com: "
                f"{error.message}.",
                next_step="Check SALESFORCE_DOMAIN (the My Domain, such as acme.my), "
                "SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET, and that the client "
                "credentials flow of the connected app has a user to run as.",
            ) from None
        except requests.RequestException as error:
            raise VendorUnavailableError(
                f"Salesforce at {self.salesforce.domain}.salesforce.com could not be reached "
                f"({type(error).__name__}).",
                next_step="Check SALESFORCE_DOMAIN, SALESFORCE_BASE_URL and the network.",
            ) from error
        finally:
            session.close()
        return str(token), str(instance)


def mounted(session: ApiSession, salesforce: SalesforceSettings) -> ApiSession:
    """The session, sent through ``SALESFORCE_BASE_URL`` where that is set."""
    if salesforce.base_url is not None:
        session.mount("https://", BaseUrlAdapter(str(salesforce.base_url)))
    return session
