"""The tokens of a Google service account: where a spreadsheet is read, and where one is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials

from headwater.errors import CredentialError, VendorUnavailableError


@dataclass
class GoogleToken:
    """The token of one key file for one scope, for :class:`headwater.http.ApiSession`.

    ``setting`` names the setting that holds ``key_file``, ``used_for`` what is read or written.
    The token endpoint is the one that the key file names.
    """

    key_file: Path
    scope: str
    setting: str
    used_for: str
    _credentials: Any = field(default=None, init=False, repr=False)

    def authorization(self, renew: bool) -> str:
        """The ``Authorization`` header.

        Raises :class:`headwater.errors.VendorUnavailableError` when the token endpoint cannot be
        reached or cannot answer just now, and :class:`headwater.errors.CredentialError` when it
        refuses the key or the file holds none.
        """
        try:
            if self._credentials is None:
                self._credentials = Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
                    str(self.key_file), scopes=[self.scope]
                )
            if renew or not self._credentials.valid:
                self._credentials.refresh(Request())
        except TransportError as error:
            raise VendorUnavailableError(
                f"Google's token endpoint could not be reached for {self.used_for}: {error}",
                next_step=f"Check the network, and token_uri in {self.setting}.",
            ) from error
        except RefreshError as error:
            raise self._refused(error) from error
        except TypeError as error:  # google-auth takes for a token what isn't even an object
            raise VendorUnavailableError(
                f"Google's token endpoint answered no whole JSON for {self.used_for}.",
                next_step="It was cut off on its way; it is asked for again.",
            ) from error
        except (OSError, ValueError, GoogleAuthError) as error:
            raise CredentialError(
                f"No token for {self.used_for}: {error}",
                next_step=f"Check the key file in {self.setting}.",
            ) from error
        return f"Bearer {self._credentials.token}"

    def _refused(self, error: RefreshError) -> CredentialError | VendorUnavailableError:
        """The first argument is the reason; the second would be the whole answer."""
        what = f"No token for {self.used_for}: {str(error.args[0])[:2000]}"
        if error.retryable:
            return VendorUnavailableError(what, next_step="Google asks to try again later.")
        return CredentialError(what, next_step=f"Check the key file in {self.setting}.")
