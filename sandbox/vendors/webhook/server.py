"""The routes of the local receivers.

Slack's answers are plain words: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks.
The other receiver is what a careful company builds: it checks the signature, refuses old ones, and
drops a message whose ``Idempotency-Key`` it has seen.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.clock import VirtualClock
from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Call, Refusal, endpoint
from sandbox.vendors.webhook.store import Store

OLDEST_SECONDS = 300
MAX_TEXT = 40_000


def create_app(
    store: Store, clock: VirtualClock, faults: FaultPlan, credentials: dict[str, Any]
) -> Starlette:
    """The app. Faults of its own: ``rate_limit`` (429, ``retry_after``), ``no_service`` (404, the
    webhook was removed), ``refuse`` (422 for rows with one of ``keys``) and ``moved`` (302)."""
    del clock
    receivers = _Receivers(store, faults, credentials)
    return Starlette(
        routes=[
            Route("/services/{path:path}", endpoint(receivers.slack), methods=["POST"]),
            Route("/hooks/{token}", endpoint(receivers.json), methods=["POST"]),
        ]
    )


class _Receivers:
    """Both receivers."""

    def __init__(self, store: Store, faults: FaultPlan, credentials: dict[str, Any]) -> None:
        self._store = store
        self._faults = faults
        self._credentials = credentials

    def slack(self, call: Call) -> Response:
        """An incoming webhook: the path is its secret."""
        known = str(self._credentials.get("slack_path", ""))
        if not known or not hmac.compare_digest(call.params["path"], known):
            return PlainTextResponse("no_service", 404)
        self._planned(call)
        grant = self._store.slack_calls.take()
        if not grant.allowed:
            return _too_many(max(1, round(grant.reset_in)))
        body = _object(call, PlainTextResponse("invalid_payload", 400))
        if set(body) - {"text", "blocks", "attachments", "thread_ts", "mrkdwn", "username"}:
            return PlainTextResponse("invalid_payload", 400)
        if not body.get("text") and not body.get("blocks"):
            return PlainTextResponse("no_text", 400)
        if len(str(body.get("text"))) > MAX_TEXT:
            return PlainTextResponse("msg_too_long", 400)
        self._store.take("slack", body, dict(call.headers))
        return PlainTextResponse("ok")

    def json(self, call: Call) -> Response:
        """A receiver that wants to know who calls."""
        known = str(self._credentials.get("json_token", ""))
        if not known or not hmac.compare_digest(call.params["token"], known):
            return JSONResponse({"error": "not found"}, 404)
        self._check_signature(call)
        self._planned(call)
        body = _object(call, JSONResponse({"error": "not a JSON object"}, 400))
        fault = self._faults.take("webhook", call.path, "refuse")
        keys = set(fault.params["keys"]) if fault else set()
        rows = body.get("rows", [])
        if fault and not {row["key"] for row in rows} & keys:
            self._faults.add(fault)  # it is for other rows
        elif fault:
            self._faults.add(fault)
            return JSONResponse({"error": "this row is not ours"}, 422)
        key = call.headers.get("idempotency-key")
        if not key:
            return JSONResponse({"error": "Idempotency-Key is missing"}, 400)
        if self._store.seen.get(key) is not None:
            return JSONResponse({"duplicate": True})
        self._store.seen.put(key, {})
        self._store.take("json", body, dict(call.headers))
        return JSONResponse({"duplicate": False}, 202)

    def _check_signature(self, call: Call) -> None:
        given = call.headers.get("headwater-signature", "")
        parts = dict(part.partition("=")[::2] for part in given.split(","))
        secret = str(self._credentials["signing_secret"]).encode()
        signed = f"{parts.get('t', '')}.".encode() + call.body
        right = hmac.new(secret, signed, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(parts.get("v1", ""), right):
            raise Refusal(JSONResponse({"error": "signature"}, 401))
        if abs(time.time() - int(parts["t"])) > OLDEST_SECONDS:
            raise Refusal(JSONResponse({"error": "signature is too old"}, 401))

    def _planned(self, call: Call) -> None:
        if fault := self._faults.take("webhook", call.path, "rate_limit"):
            raise Refusal(_too_many(int(fault.params.get("retry_after", 1))))
        if self._faults.take("webhook", call.path, "no_service"):
            raise Refusal(PlainTextResponse("no_service", 404))
        if self._faults.take("webhook", call.path, "moved"):
            raise Refusal(Response(status_code=302, headers={"Location": "/services/elsewhere"}))


def _too_many(retry_after: int) -> Response:
    return PlainTextResponse("rate_limited", 429, {"Retry-After": str(retry_after)})


def _object(call: Call, otherwise: Response) -> dict[str, Any]:
    try:
        body = call.json()
    except ValueError:
        raise Refusal(otherwise) from None
    if not isinstance(body, dict):
        raise Refusal(otherwise)
    return body
