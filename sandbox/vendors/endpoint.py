"""How a vendor's server is written: a handler is a plain function from a call to a response.

The body is read first and the handler runs in a thread, so handlers may use SQLite and the clock
freely. What is wrong with a call is said by raising :class:`Refusal` from wherever it is found.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Call:
    """One request: ``path`` is below the vendor, ``base_url`` is the vendor's, without a slash."""

    method: str
    path: str
    base_url: str
    params: dict[str, str]
    query: QueryParams
    headers: Headers
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises ``ValueError`` when it is not."""
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        """The body as a form; of a repeated field the last one."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    def form_or_empty(self) -> dict[str, str]:
        """The body as a form when its content type says so, else nothing."""
        return self.form() if self.media_type() == FORM else {}

    def media_type(self) -> str:
        """The content type without its parameters, lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Refusal(Exception):
    """The vendor says no: ``response`` is what the caller gets."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


Handler = Callable[[Call], Response]


def endpoint(handle: Handler) -> Callable[[Request], Awaitable[Response]]:
    """The Starlette endpoint of a handler."""

    async def answer(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        call = Call(
            method=request.method,
            path=request.scope["path"].removeprefix(root),
            base_url=f"{request.url.scheme}://{request.url.netloc}{root}",
            params=request.path_params,
            query=request.query_params,
            headers=request.headers,
            body=await request.body(),
        )
        try:
            return await run_in_threadpool(handle, call)
        except Refusal as refusal:
            return refusal.response

    return answer
