"""Values between the wire and the store: JSON, CSV cells and seeds in; checks; JSON out.

In the store a boolean is 0 or 1, a date is ``yyyy-MM-dd`` and a datetime is
``yyyy-MM-ddTHH:mm:ss.000+0000``, which sorts as it reads and is what REST answers.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.vendors.salesforce import ids
from sandbox.vendors.salesforce.errors import RowError
from sandbox.vendors.salesforce.schema import Field

_EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_STAMP = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d\.000\+0000")
_XSD = {"boolean": "boolean", "int": "int", "date": "date", "datetime": "dateTime"}


class WrongTypeError(ValueError):
    """The value is not of the field's type."""


def stamp(at: datetime) -> str:
    """A moment as Salesforce stores it: to the second, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def read_stamp(text: str) -> datetime:
    """A moment from ISO 8601 text with a zone. Raises ``ValueError``."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    return at.astimezone(UTC)


def convert(field: Field, value: Any) -> Any:
    """A JSON or CSV value as it is stored; None and blank text become None.

    Raises :class:`WrongTypeError`.
    """
    if value is None:
        return False if field.type == "boolean" else None
    if field.is_text:
        if isinstance(value, (dict, list)):
            raise WrongTypeError
        text = str(value) if not isinstance(value, bool) else str(value).lower()
        return text.strip() or None
    if field.type in {"id", "reference"}:
        return _text_of(value) or None
    if value == "":
        return False if field.type == "boolean" else None
    try:
        return _CONVERTERS[field.type](value)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise WrongTypeError from error


def _text_of(value: Any) -> str:
    if not isinstance(value, str):
        raise WrongTypeError
    return value.strip()


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = {"true": True, "1": True, "false": False, "0": False}
    return known[str(value).lower()] if str(value).lower() in known else _refuse()


def _refuse() -> bool:
    raise ValueError


def _int(value: Any) -> int:
    if isinstance(value, bool):
        raise ValueError
    number = Decimal(str(value))
    if number != int(number):
        raise ValueError
    return int(number)


def _double(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError
    return float(number)


def _date(value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if not re.fullmatch(r"\d{4}-\d\d-\d\d([T ].*)?", value):
        raise ValueError
    return date.fromisoformat(value[:10]).isoformat()


def _datetime(value: Any) -> str:
    if isinstance(value, datetime):
        return stamp(value if value.tzinfo else value.replace(tzinfo=UTC))
    return stamp(read_stamp(value))


_CONVERTERS: dict[str, Any] = {
    "boolean": _boolean,
    "int": _int,
    "double": _double,
    "currency": _double,
    "percent": _double,
    "date": _date,
    "datetime": _datetime,
}


def wrong_cell(field: Field, column: int, text: str) -> RowError:
    """What Bulk says of a cell that is not of its column's type."""
    kind = _XSD.get(field.type, "double")
    return RowError(
        "INVALID_FIELD",
        f"Failed to deserialize field at col {column}. "
        f"Due to, '{text}' is not a valid value for the type xsd:{kind}",
        (field.name,),
    )


def check(field: Field, value: Any) -> RowError | None:
    """Why a converted value may not be stored in this field, if it may not."""
    if value is None:
        return None
    if field.is_text:
        return _check_text(field, value)
    if field.is_number:
        whole = field.digits or (field.precision - field.scale)
        if whole and abs(value) >= 10**whole:
            return RowError(
                "NUMBER_OUTSIDE_VALID_RANGE",
                f"{field.label}: value outside of valid range on numeric field: {value}",
                (field.name,),
            )
    return None


def _check_text(field: Field, value: str) -> RowError | None:
    if field.length and len(value) > field.length:
        return RowError(
            "STRING_TOO_LONG",
            f"{field.label}: data value too large: {value} (max length={field.length})",
            (field.name,),
        )
    if field.type == "email" and not _EMAIL.fullmatch(value):
        return RowError(
            "INVALID_EMAIL_ADDRESS",
            f"{field.label}: invalid email address: {value}",
            (field.name,),
        )
    if field.restricted and value not in field.values:
        return RowError(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"{field.label}: bad value for restricted picklist field: {value}",
            (field.name,),
        )
    return None


def rounded(field: Field, value: Any) -> Any:
    """A number to the field's scale, halves away from zero."""
    if field.precision and isinstance(value, float):
        step = Decimal(1).scaleb(-field.scale)
        return float(Decimal(str(value)).quantize(step, ROUND_HALF_UP))
    return value


def seeded(field: Field, value: Any) -> Any:
    """A value of a seed as it is stored. Raises ``ValueError`` naming field and value."""
    if field.type == "datetime" and isinstance(value, str) and _STAMP.fullmatch(value):
        return value
    if field.type in {"id", "reference"} and isinstance(value, str) and value:
        known = ids.normalize(value)
        if known is None:
            raise ValueError(f"{field.name}: {value!r} is no Salesforce id")
        return known
    try:
        return convert(field, value)
    except WrongTypeError as error:
        raise ValueError(f"{field.name}: {value!r} is no {field.type}") from error


def as_json(field: Field, value: Any) -> Any:
    """A stored value as REST answers it."""
    if value is None:
        return None
    if field.type == "boolean":
        return bool(value)
    if field.type == "address":
        parts = json.loads(value)
        return parts if any(parts.values()) else None
    return value
