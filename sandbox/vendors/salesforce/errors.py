"""The two ways in which Salesforce says no: to a whole request, and to one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse


@dataclass(frozen=True)
class RowError:
    """Why one row was refused."""

    code: str
    message: str
    fields: tuple[str, ...] = ()

    def as_status(self) -> dict[str, Any]:
        """As in Collections and save results."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}

    def as_bulk(self) -> str:
        """As in the ``sf__Error`` column."""
        fields = f"{','.join(self.fields)} " if self.fields else ""
        return f"{self.code}:{self.message}:{fields}--"


class ApiError(Exception):
    """A request refused as a whole: an array with one ``errorCode``."""

    def __init__(self, status: int, code: str, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields

    def response(self) -> JSONResponse:
        """The answer."""
        error: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields:
            error["fields"] = list(self.fields)
        return JSONResponse([error], self.status)


def for_single_row(error: RowError) -> ApiError:
    """A row's error as the answer to a single-row call."""
    status = {
        "ENTITY_IS_DELETED": 404,
        "NOT_FOUND": 404,
        "INSUFFICIENT_ACCESS_OR_READONLY": 403,
    }.get(error.code, 400)
    return ApiError(status, error.code, error.message, error.fields)


def not_found() -> ApiError:
    """Nothing is there."""
    return ApiError(404, "NOT_FOUND", "The requested resource does not exist")
