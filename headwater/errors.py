"""The one exception tree.

    HeadwaterError
    ├── RetryableError             the same call may succeed later
    │   ├── VendorUnavailableError     5xx, connection refused, timeout while reading
    │   ├── RateLimitedError           the vendor asked us to slow down
    │   ├── OutcomeUnknownError        a write was sent, no clear answer came: resolve, then resend
    │   ├── WarehouseBusyError         another process holds the DuckDB file
    │   └── StateUnavailableError      what Headwater keeps cannot be read or written just now
    └── PermanentError             trying again changes nothing until somebody changes something
        ├── SettingsError              a setting is missing or malformed
        ├── CredentialError            the vendor refused the credential or a right is missing
        ├── QuotaExhaustedError        a daily allowance is used up; goes on at the next reset
        ├── VendorRejectedError        the vendor understood the call and said no
        ├── SourceDataError            a source delivered something that cannot be read at all
        ├── DefinitionError            a sync definition, contract or rule file is wrong
        ├── GuardError                 a guard refused to go on (empty model, size jump, ...)
        └── PausedError            a person said that it must not go on

Whether to retry is decided by the class alone. Every error says what happened, to which record
of which system, and what to do next.
"""

from __future__ import annotations


class HeadwaterError(Exception):
    """Base of all errors that Headwater raises on purpose.

    ``what`` says what happened and to which record; ``next_step`` says what the reader can do.
    """

    def __init__(self, what: str, *, next_step: str = "") -> None:
        self.what = what
        self.next_step = next_step
        super().__init__(f"{what} {next_step}".strip())


class RetryableError(HeadwaterError):
    """The same call may succeed later."""


class VendorUnavailableError(RetryableError):
    """The vendor did not answer, or answered that it cannot just now."""


class RateLimitedError(RetryableError):
    """The vendor asked us to slow down; ``retry_after`` is in seconds when it said for how long."""

    def __init__(self, what: str, *, next_step: str = "", retry_after: float | None = None) -> None:
        super().__init__(what, next_step=next_step)
        self.retry_after = retry_after


class OutcomeUnknownError(RetryableError):
    """A write left this machine and no clear answer came back: it may or may not have happened."""


class WarehouseBusyError(RetryableError):
    """Another process holds the DuckDB file."""


class StateUnavailableError(RetryableError):
    """Headwater's own state cannot be read or written just now."""


class PermanentError(HeadwaterError):
    """Trying again changes nothing until somebody changes something."""


class SettingsError(PermanentError):
    """A setting is missing or malformed."""


class CredentialError(PermanentError):
    """The vendor refused the credential, or a right is missing."""


class QuotaExhaustedError(PermanentError):
    """A daily allowance is used up."""


class VendorRejectedError(PermanentError):
    """The vendor understood the call and refused it; ``status`` and ``body`` are its answer."""

    def __init__(
        self, what: str, *, next_step: str = "", status: int | None = None, body: str = ""
    ) -> None:
        super().__init__(what, next_step=next_step)
        self.status = status
        self.body = body


class SourceDataError(PermanentError):
    """A source delivered something that cannot be read at all."""


class DefinitionError(PermanentError):
    """A sync definition, a contract or a rule file is wrong."""


class GuardError(PermanentError):
    """A guard refused to go on."""


class PausedError(PermanentError):
    """A person said that it must not go on for now."""
