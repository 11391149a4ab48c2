"""One API call on its way through the server, and the org it is made to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request

from sandbox.faults import Fault, FaultPlan
from sandbox.vendors.salesforce.errors import ApiError
from sandbox.vendors.salesforce.store import Store

VENDOR = "salesforce"


@dataclass(frozen=True)
class Org:
    """What every handler works on."""

    store: Store
    faults: FaultPlan
    credentials: dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One request after its session was checked. ``path`` is the path below the vendor."""

    org: Org
    request: Request
    path: str
    body: bytes
    user_id: str

    @property
    def store(self) -> Store:
        """The org's records."""
        return self.org.store

    @property
    def now(self) -> datetime:
        """The virtual moment."""
        return self.org.store.clock.now()

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the path."""
        return self.request.path_params

    @property
    def version(self) -> str:
        """The API version of the path, such as ``62.0``."""
        return str(self.request.path_params["version"])

    @property
    def root(self) -> str:
        """The path of this API version."""
        return f"/services/data/v{self.version}"

    def query_parameter(self, name: str) -> str | None:
        """A parameter of the query string."""
        return self.request.query_params.get(name)

    def header(self, name: str) -> str | None:
        """A request header."""
        return self.request.headers.get(name)

    def fault(self, kind: str) -> Fault | None:
        """A planned fault of this kind for this call."""
        return self.org.faults.take(VENDOR, self.path, kind, method=self.request.method)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises ``UNSUPPORTED_MEDIA_TYPE``, ``JSON_PARSER_ERROR``."""
        kind = (self.header("Content-Type") or "").split(";")[0].strip().lower()
        if kind != "application/json":
            raise ApiError(
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                f"The media type '{kind or 'none'}' is not supported; use application/json",
            )
        try:
            body = json.loads(self.body)
        except ValueError as error:
            raise ApiError(400, "JSON_PARSER_ERROR", f"Unexpected character: {error}") from None
        if not isinstance(body, dict):
            raise ApiError(
                400,
                "JSON_PARSER_ERROR",
                "Can not deserialize: expected an object at [line:1, column:1]",
            )
        return body
