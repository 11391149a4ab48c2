"""Answers that cannot be read: a 2xx with a page of HTML, or without what it has to hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import requests

from headwater.errors import OutcomeUnknownError, VendorUnavailableError
from headwater.http import SAFE_METHODS


@contextmanager
def reading(vendor: str, response: requests.Response) -> Iterator[None]:
    """Read ``response`` within the block; what fails there is the vendor's answer.

    Raises :class:`VendorUnavailableError` for a read, :class:`OutcomeUnknownError` for a write: it
    may have happened all the same.
    """
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        method = str(response.request.method).upper()
        what = (
            f"{vendor} {method} {urlsplit(str(response.request.url)).path}: "
            f"{response.status_code} with an answer that cannot be read "
            f"({type(error).__name__}: {error}): {response.text[:200]}"
        )
        next_step = "Is a proxy or a maintenance page answering instead of the vendor?"
        if method in SAFE_METHODS:
            raise VendorUnavailableError(what, next_step=next_step) from error
        raise OutcomeUnknownError(what, next_step=next_step) from error
