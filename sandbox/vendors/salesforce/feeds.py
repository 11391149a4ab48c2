"""What changed, what was deleted, how many there are and how much may still be asked."""

from __future__ import annotations

from datetime import datetime, timedelta

from starlette.responses import JSONResponse, Response

from sandbox.vendors.salesforce import schema, values
from sandbox.vendors.salesforce.call import Call
from sandbox.vendors.salesforce.errors import ApiError
from sandbox.vendors.salesforce.sobjects import sobject_of


def updated(call: Call) -> Response:
    """``GET /sobjects/Lead/updated/?start=&end=``: ids of living rows changed in the span."""
    sobject = sobject_of(call)
    start, end = _span(call)
    living = 'and "IsDeleted" = 0' if sobject.recycles else ""
    rows = call.store.tuples(
        f'select "Id" from "{sobject.name}" where "{sobject.stamp}" >= ? and "{sobject.stamp}" < ? '
        f'{living} order by "{sobject.stamp}", "Id"',
        (values.stamp(start), values.stamp(end)),
    )
    return JSONResponse({"ids": [row[0] for row in rows], "latestDateCovered": _covered(call, end)})


def deleted(call: Call) -> Response:
    """``GET /sobjects/Lead/deleted/?start=&end=``: ids and times of deletions in the span."""
    sobject = sobject_of(call)
    start, end = _span(call)
    oldest = call.now - timedelta(days=schema.org()["recycle_bin_days"])
    rows = (
        call.store.tuples(
            f'select "Id", "{sobject.stamp}" from "{sobject.name}" where "IsDeleted" = 1 and '
            f'"{sobject.stamp}" >= ? and "{sobject.stamp}" < ? order by "{sobject.stamp}", "Id"',
            (values.stamp(max(start, oldest)), values.stamp(end)),
        )
        if sobject.recycles
        else []
    )
    return JSONResponse(
        {
            "deletedRecords": [{"id": row[0], "deletedDate": row[1]} for row in rows],
            "earliestDateAvailable": values.stamp(oldest),
            "latestDateCovered": _covered(call, end),
        }
    )


def _span(call: Call) -> tuple[datetime, datetime]:
    """Start and end to the minute: the seconds are ignored."""
    moments = []
    for name in ("start", "end"):
        given = call.query_parameter(name)
        if given is None:
            raise ApiError(400, "MISSING_ARGUMENT", f"The {name} parameter is required")
        try:
            at = values.read_stamp(given)
        except ValueError:
            raise ApiError(400, "INVALID_ARGUMENT", f"{name}: not a date: {given}") from None
        moments.append(at.replace(second=0, microsecond=0))
    start, end = moments
    days = schema.org()["change_feed_days"]
    if end <= start:
        raise ApiError(
            400,
            "INVALID_REPLICATION_DATE",
            "endDate must be at least one minute greater than startDate",
        )
    if start < call.now - timedelta(days=days) or end - start > timedelta(days=days):
        raise ApiError(
            400, "INVALID_REPLICATION_DATE", f"startDate cannot be more than {days} days ago"
        )
    return start, end


def _covered(call: Call, end: datetime) -> str:
    return values.stamp(min(end, call.now.replace(second=0, microsecond=0)))


def record_count(call: Call) -> Response:
    """``GET /limits/recordCount?sObjects=Lead,Account``."""
    asked = call.query_parameter("sObjects")
    names = asked.split(",") if asked else [s.name for s in schema.objects().values()]
    counts = []
    for name in names:
        sobject = schema.find(name.strip())
        if sobject is not None:
            living = 'where "IsDeleted" = 0' if sobject.recycles else ""
            count = call.store.tuples(f'select count(*) from "{sobject.name}" {living}')[0][0]
            counts.append({"count": count, "name": sobject.name})
    return JSONResponse({"sObjects": counts})


def limits(call: Call) -> Response:
    """``GET /limits``."""
    used = {
        "DailyApiRequests": call.store.requests_used(),
        "DailyBulkV2QueryJobs": _jobs_today(call, "query"),
        "DailyBulkApiBatches": _jobs_today(call, "ingest"),
    }
    answer = {}
    for name in schema.org()["limits"]:
        most = call.store.limit(name)
        answer[name] = {"Max": most, "Remaining": max(0, most - used.get(name, 0))}
    return JSONResponse(answer)


def _jobs_today(call: Call, kind: str) -> int:
    since = values.stamp(call.now - timedelta(hours=24))
    found = call.store.tuples(
        "select count(*) from job where kind = ? and created_at > ?", (kind, since)
    )
    return int(found[0][0])
