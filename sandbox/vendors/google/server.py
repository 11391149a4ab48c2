"""The routes of the local Google; its token, Sheets and Drive hosts are one here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import VirtualClock
from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Call, Handler, endpoint
from sandbox.vendors.google.answers import refused
from sandbox.vendors.google.batch_update import BatchUpdate
from sandbox.vendors.google.sheets import Sheets
from sandbox.vendors.google.store import Store
from sandbox.vendors.google.tokens import Tokens

SCOPES = "https://www.googleapis.com/auth/"
WRITE = (f"{SCOPES}spreadsheets", f"{SCOPES}drive")
READ = (*WRITE, f"{SCOPES}spreadsheets.readonly", f"{SCOPES}drive.readonly")
DRIVE = (f"{SCOPES}drive", f"{SCOPES}drive.readonly", f"{SCOPES}drive.metadata.readonly")


def create_app(
    store: Store, clock: VirtualClock, faults: FaultPlan, credentials: dict[str, Any]
) -> Starlette:
    """The app. Faults of its own: ``expired_token``, ``permission_denied`` and ``rate_limit``."""
    del clock
    tokens, sheets = Tokens(store, faults, credentials), Sheets(store)
    gate = _Gate(store, faults, tokens)
    one = "/v4/spreadsheets/{spreadsheet_id}"

    def read(path: str, handle: Handler, scopes: tuple[str, ...] = READ) -> Route:
        return Route(path, endpoint(gate.before(handle, scopes)), methods=["GET"])

    def write(method: str, path: str, handle: Handler) -> Route:
        return Route(path, endpoint(gate.before(handle, WRITE)), methods=[method])

    return Starlette(
        routes=[
            Route("/token", endpoint(tokens.token), methods=["POST"]),
            read(f"{one}/values:batchGet", sheets.batch_get),
            write("POST", f"{one}:batchUpdate", BatchUpdate(store).update),
            write("POST", one + "/values/{range:path}:append", sheets.append),
            read(one + "/values/{range:path}", sheets.get),
            write("PUT", one + "/values/{range:path}", sheets.update),
            read(one, sheets.metadata),
            read("/drive/v3/files/{file_id}", _drive_file(store), DRIVE),
        ]
    )


class _Gate:
    """What every call passes: token, scope, and sixty a minute."""

    def __init__(self, store: Store, faults: FaultPlan, tokens: Tokens) -> None:
        self._store = store
        self._faults = faults
        self._tokens = tokens

    def before(self, handle: Handler, scopes: tuple[str, ...]) -> Handler:
        """The handler with the gate before it."""

        def guarded(call: Call) -> Response:
            self._tokens.check(call, *scopes)
            reading = call.method == "GET"
            window = self._store.reads_per_minute if reading else self._store.writes_per_minute
            limited = self._faults.take("google", call.path, "rate_limit") is not None
            if limited or not window.take().allowed:
                kind = "Read" if reading else "Write"
                raise refused(
                    429,
                    f"Quota exceeded for quota metric '{kind} requests' and limit '{kind} requests "
                    "per minute per user' of service 'sheets.googleapis.com'.",
                    [
                        {
                            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                            "reason": "RATE_LIMIT_EXCEEDED",
                            "domain": "googleapis.com",
                        }
                    ],
                )
            return handle(call)

        return guarded


def _drive_file(store: Store) -> Handler:
    def get(call: Call) -> Response:
        file_id = call.params["file_id"]
        spreadsheet = store.spreadsheets.get(file_id)
        if spreadsheet is None:
            raise refused(404, f"File not found: {file_id}.")
        changed = datetime.fromisoformat(spreadsheet["modified_at"]).astimezone(UTC)
        whole = {
            "kind": "drive#file",
            "id": file_id,
            "name": spreadsheet["title"],
            "mimeType": "application/vnd.google-apps.spreadsheet",
            "modifiedTime": changed.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "version": str(spreadsheet["version"]),
        }
        names = call.query.get("fields", "kind,id,name,mimeType").split(",")
        return JSONResponse({name: value for name, value in whole.items() if name in names})

    return get
