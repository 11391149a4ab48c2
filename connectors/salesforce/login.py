"""The access token of one run, shared by its sessions."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from headwater.http import ApiSession, BaseUrlAdapter
from headwater.salesforce_login import log_in
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
                self._value, self.instance = log_in(self.salesforce, self.settings)
                self.logins += 1
            return self._value


def mounted(session: ApiSession, salesforce: SalesforceSettings) -> ApiSession:
    """The session, sent through ``SALESFORCE_BASE_URL`` where that is set."""
    if salesforce.base_url is not None:
        session.mount("https://", BaseUrlAdapter(str(salesforce.base_url)))
    return session
