"""The shape in which the app intelligence refuses, and what its calls have in common."""

from __future__ import annotations

from starlette.responses import JSONResponse

from sandbox.vendors.endpoint import Call, Refusal

STORES = ("itunes_connect", "google_play")
MAX_IDS = 50


def refused(status: int, message: str) -> Refusal:
    """A refusal."""
    return Refusal(JSONResponse({"error": message, "status": status}, status))


def store_of(call: Call) -> str:
    """The store in the path."""
    store = call.params["store"]
    if store not in STORES:
        raise refused(404, f"Unknown store: {store}")
    return store


def ids_of(call: Call) -> list[str]:
    """The ids asked for, as ``id`` or repeated ``id[]``, each once."""
    ids = [*call.query.getlist("id"), *call.query.getlist("id[]")]
    if not ids:
        raise refused(400, "id is required")
    if len(ids) > MAX_IDS:
        raise refused(400, f"At most {MAX_IDS} ids per request")
    return list(dict.fromkeys(ids))
