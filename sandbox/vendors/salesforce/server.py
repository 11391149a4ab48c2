"""The routes of the local Salesforce, and what every call goes through on its way to one."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.clock import VirtualClock
from sandbox.faults import FaultPlan
from sandbox.vendors.salesforce import (
    auth,
    bulk_ingest,
    bulk_query,
    describe,
    feeds,
    query,
    schema,
    sobject_collections,
    sobjects,
)
from sandbox.vendors.salesforce.call import VENDOR, Call, Org
from sandbox.vendors.salesforce.errors import ApiError, not_found
from sandbox.vendors.salesforce.store import Store

Handler = Callable[[Call], Response]
Endpoint = Callable[[Request], Awaitable[Response]]

_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "", describe.resources),
    ("GET", "/limits", feeds.limits),
    ("GET", "/limits/recordCount", feeds.record_count),
    ("GET", "/query", query.query),
    ("GET", "/queryAll", query.query),
    ("GET", "/query/{locator}", query.query_more),
    ("GET", "/queryAll/{locator}", query.query_more),
    ("GET", "/sobjects", describe.describe_global),
    ("GET", "/sobjects/{object}", describe.basic),
    ("POST", "/sobjects/{object}", sobjects.create),
    ("GET", "/sobjects/{object}/describe", describe.describe),
    ("GET", "/sobjects/{object}/updated", feeds.updated),
    ("GET", "/sobjects/{object}/deleted", feeds.deleted),
    ("GET", "/sobjects/{object}/{id}", sobjects.read),
    ("PATCH", "/sobjects/{object}/{id}", sobjects.update),
    ("DELETE", "/sobjects/{object}/{id}", sobjects.delete),
    ("GET", "/sobjects/{object}/{field}/{value:path}", sobjects.read_external),
    ("PATCH", "/sobjects/{object}/{field}/{value:path}", sobjects.upsert_external),
    ("DELETE", "/sobjects/{object}/{field}/{value:path}", sobjects.delete_external),
    ("POST", "/composite/sobjects", sobject_collections.create),
    ("PATCH", "/composite/sobjects", sobject_collections.update),
    ("DELETE", "/composite/sobjects", sobject_collections.delete),
    ("GET", "/composite/sobjects/{object}", sobject_collections.retrieve),
    ("POST", "/composite/sobjects/{object}", sobject_collections.retrieve),
    ("PATCH", "/composite/sobjects/{object}/{field}", sobject_collections.upsert),
    ("POST", "/jobs/query", bulk_query.create),
    ("GET", "/jobs/query", bulk_query.listing),
    ("GET", "/jobs/query/{job}", bulk_query.info),
    ("PATCH", "/jobs/query/{job}", bulk_query.abort),
    ("DELETE", "/jobs/query/{job}", bulk_query.delete),
    ("GET", "/jobs/query/{job}/results", bulk_query.results),
    ("POST", "/jobs/ingest", bulk_ingest.create),
    ("GET", "/jobs/ingest", bulk_ingest.listing),
    ("GET", "/jobs/ingest/{job}", bulk_ingest.info),
    ("PATCH", "/jobs/ingest/{job}", bulk_ingest.change_state),
    ("DELETE", "/jobs/ingest/{job}", bulk_ingest.delete),
    ("PUT", "/jobs/ingest/{job}/batches", bulk_ingest.upload),
    ("GET", "/jobs/ingest/{job}/successfulResults", bulk_ingest.successful),
    ("GET", "/jobs/ingest/{job}/failedResults", bulk_ingest.failed),
    ("GET", "/jobs/ingest/{job}/unprocessedrecords", bulk_ingest.unprocessed),
    ("GET", "/jobs/ingest/{job}/unprocessedRecords", bulk_ingest.unprocessed),
)


def create_app(
    store: Store, clock: VirtualClock, faults: FaultPlan, credentials: dict[str, str]
) -> Starlette:
    """The Salesforce server over ``store``.

    ``credentials`` has ``client_id`` and ``client_secret``, and optionally what :mod:`auth` names.
    Jobs that a stopped server left unfinished go on.
    """
    del clock  # the store has it
    org = Org(store, faults, dict(credentials))
    bulk_ingest.resume(org)

    async def token(request: Request) -> Response:
        body = await request.body()
        header = request.headers.get("Authorization")
        return await run_in_threadpool(auth.token, org, body, header)

    async def soap(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(auth.soap_login, org, body, request.path_params["version"])

    async def versions(request: Request) -> Response:
        del request
        return describe.versions()

    routes = [
        Route("/services/oauth2/token", token, methods=["POST"]),
        Route("/services/Soap/u/{version}", soap, methods=["POST"]),
        Route("/services/data", versions),
        *(
            Route(f"/services/data/v{{version}}{path}", _endpoint(org, handler), methods=[method])
            for method, path, handler in _ROUTES
        ),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(_Edge)],
        exception_handlers={HTTPException: _http_error},
    )


def _endpoint(org: Org, handler: Handler) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(_answer, org, request, body, handler)

    return endpoint


def _answer(org: Org, request: Request, body: bytes, handler: Handler) -> Response:
    """Check version, session and allowance, run the handler, and say how much was used."""
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    try:
        _check_version(request.path_params["version"])
        user_id = auth.check_session(org, request.headers.get("Authorization"), path)
        _check_allowance(org, path, request.method)
        org.store.count_request()
        response = handler(Call(org, request, path, body, user_id))
    except ApiError as error:
        response = error.response()
    except sobjects.SeveralMatchError as error:
        response = JSONResponse(error.urls, 300)
    used, most = org.store.requests_used(), org.store.limit("DailyApiRequests")
    response.headers["Sforce-Limit-Info"] = f"api-usage={used}/{most}"
    return response


def _check_version(given: str) -> None:
    if not re.fullmatch(r"\d+\.\d", given):
        raise not_found()
    known = schema.org()["versions"]
    if float(given) < known["oldest"]:
        raise ApiError(410, "GONE", f"REST API version {given} is no longer available")
    if float(given) > known["newest"]:
        raise not_found()


def _check_allowance(org: Org, path: str, method: str) -> None:
    message = None
    used_up = org.store.requests_used() >= org.store.limit("DailyApiRequests")
    if used_up or org.faults.take(VENDOR, path, "quota", method=method):
        message = "TotalRequests Limit exceeded."
    elif org.faults.take(VENDOR, path, "rate_limit", method=method):
        message = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    if message is not None:
        raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", message)


async def _http_error(request: Request, error: Exception) -> Response:
    """Unknown paths and methods, in Salesforce's envelope."""
    del request
    if isinstance(error, HTTPException) and error.status_code == 405:
        message = "HTTP Method not allowed. Allowed are " + (error.headers or {}).get("Allow", "")
        return ApiError(405, "METHOD_NOT_ALLOWED", message).response()
    return not_found().response()


class _Edge:
    """What stands before the API: trailing slashes are taken off, overlong requests turned away."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            most = schema.org()["uri_bytes"]
            if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > most:
                await Response("URI Too Long", 414)(scope, receive, send)
                return
            if sum(len(name) + len(value) for name, value in scope["headers"]) > most:
                await Response("Request Header Fields Too Large", 431)(scope, receive, send)
                return
            scope["path"] = scope["path"].rstrip("/")
        await self._app(scope, receive, send)
