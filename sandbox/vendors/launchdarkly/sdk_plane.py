"""What server-side SDKs call: streaming, polling, and the events they send. Never rate limited."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sandbox.vendors.endpoint import Call
from sandbox.vendors.launchdarkly.store import Store

HEARTBEAT_SECONDS = 30.0


class SdkPlane:
    """The SDKs' side of a store, opened by the environment's SDK key."""

    def __init__(self, store: Store, sdk_key: str) -> None:
        self._store = store
        self._sdk_key = sdk_key

    async def stream(self, request: Request) -> Response:
        """Server-sent events: everything in one ``put``, then each change."""
        if not self._knows(request.headers.get("authorization", "")):
            return Response(status_code=401)
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        queue = self._store.listen()
        try:
            data = await asyncio.to_thread(self._store.sdk_data)
            yield _event("put", {"path": "/", "data": data})
            while True:
                try:
                    change = await asyncio.wait_for(queue.get(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield ":\n\n"
                else:
                    yield _event(*change)
        finally:
            self._store.stop_listening(queue)

    def poll(self, call: Call) -> Response:
        """Everything at once, or 304 when the caller has it already."""
        if not self._knows(call.headers.get("authorization", "")):
            return Response(status_code=401)
        body = json.dumps(self._store.sdk_data(), sort_keys=True).encode()
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        headers = {"ETag": etag, "Cache-Control": "max-age=0"}
        if call.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

    def events(self, call: Call) -> Response:
        """Analytics or diagnostic events: kept as they came."""
        if not self._knows(call.headers.get("authorization", "")):
            return Response(status_code=401)
        try:
            payload = call.json()
        except ValueError:
            return Response(status_code=400)
        kept = {
            "path": call.path,
            "schema": call.headers.get("x-launchdarkly-event-schema"),
            "payload_id": call.headers.get("x-launchdarkly-payload-id"),
            "payload": payload,
        }
        self._store.sdk_events.put(self._store.sdk_events.next_key(), kept)
        return Response(status_code=202)

    def _knows(self, given: str) -> bool:
        return hmac.compare_digest(given, self._sdk_key)


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
