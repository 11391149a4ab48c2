"""A folder or bucket path that is read or written: its settings, and the file system behind it."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import SecretStr, field_validator

from headwater.errors import SettingsError
from headwater.settings import SettingsGroup

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_REFUSED = re.compile(
    r"AWS Error (ACCESS_DENIED|INVALID_ACCESS_KEY_ID|SIGNATURE_\w+|INVALID_SIGNATURE|"
    r"INVALID_CLIENT_TOKEN_ID|MISSING_AUTHENTICATION_TOKEN|EXPIRED_TOKEN)\b|"
    r"HTTP status 40[13]\b|PERMISSION_?DENIED|UNAUTHENTICATED|\[errno 13\]",
    re.IGNORECASE,
)
"""What says, in the errors of the file systems, that a key is wrong or a right is missing."""


class LocationSettings(SettingsGroup):
    """A folder or bucket path; without keys a bucket is opened with the machine's own."""

    location: str
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None

    @field_validator("location")
    @classmethod
    def _is_location(cls, value: str) -> str:
        """Refuse here what would be shown in errors, or opened relative to some folder."""
        if "@" in urlsplit(value).netloc:
            prefix = cls.model_config["env_prefix"]
            raise ValueError(
                f"keys belong into {prefix}ACCESS_KEY_ID and {prefix}SECRET_ACCESS_KEY"
            )
        if "://" not in value and not value.startswith("/"):
            raise ValueError("write file:///folder, s3://bucket/path or gs://bucket/path")
        return value

    @property
    def account(self) -> str:
        """Which folder this is, without secrets."""
        return self.location.partition("?")[0]


def open_file_system(settings: LocationSettings) -> tuple[FileSystem, str]:
    """The file system of a location and the path in it; of a bucket nothing is asked yet.

    Raises :class:`SettingsError` for what is no location, or half a pair of keys.
    """
    import pyarrow as pa
    from pyarrow.fs import FileSystem

    try:
        filesystem, path = FileSystem.from_uri(_with_keys(settings))
    except (pa.ArrowException, OSError) as error:
        raise SettingsError(
            f"{settings.model_config['env_prefix']}LOCATION cannot be opened: {settings.account} "
            f"({type(error).__name__}).",
            next_step="Write it as file:///folder, s3://bucket/path or gs://bucket/path; "
            ".env.example shows the options of each.",
        ) from None
    return filesystem, path


def is_refused(error: OSError) -> bool:
    """Whether a file system says that a key is wrong or a right is missing."""
    return error.errno in _FORBIDDEN or bool(_REFUSED.search(str(error)))


def _with_keys(settings: LocationSettings) -> str:
    """The location with its keys, as the file system wants them."""
    if settings.access_key_id is None and settings.secret_access_key is None:
        return settings.location
    if settings.access_key_id is None or settings.secret_access_key is None:
        prefix = settings.model_config["env_prefix"]
        raise SettingsError(
            f"{prefix}ACCESS_KEY_ID and {prefix}SECRET_ACCESS_KEY go together, and one of them is "
            "missing.",
            next_step="Set both, or neither for the machine's own credentials.",
        )
    parts = urlsplit(settings.location)
    secret = settings.secret_access_key.get_secret_value()
    keys = f"{quote(settings.access_key_id, safe='')}:{quote(secret, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{keys}@{parts.netloc}"))
