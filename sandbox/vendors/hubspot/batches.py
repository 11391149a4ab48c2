"""Batch calls: at most 100 rows; one bad row fails all of them unless each carries a trace id."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Call
from sandbox.vendors.hubspot.answers import error, row_error, validation_error
from sandbox.vendors.hubspot.requests import body_object, object_type
from sandbox.vendors.hubspot.schema import ObjectType
from sandbox.vendors.hubspot.showing import shown
from sandbox.vendors.hubspot.store import Record, Store
from sandbox.vendors.hubspot.values import stamp
from sandbox.vendors.hubspot.writes import RowRefused, Writes

MAX_INPUTS = 100
Row = dict[str, Any]


class Batches:
    """Batch reads and writes on a store."""

    def __init__(self, store: Store, faults: FaultPlan) -> None:
        self._store = store
        self._faults = faults
        self._writes = Writes(store)

    def read(self, call: Call) -> Response:
        """Read by id or by ``idProperty``; what is missing makes the answer 207."""
        kind, body = object_type(call), body_object(call)
        inputs = _inputs(body, MAX_INPUTS)
        id_property = body.get("idProperty")
        if id_property is not None:
            self._check_unique(kind, id_property, "read")
        known = self._store.properties(kind)
        found: dict[str, Record] = {}
        missing = []
        for row in inputs:
            record = self._store.find(kind, id_property, str(row.get("id", "")))
            if record is None or record["archived"]:
                missing.append(str(row.get("id", "")))
            else:
                found[record["id"]] = record
        results = [
            shown(kind, record, body.get("properties") or (), known=known)
            for record in found.values()
        ]
        errors = []
        if missing:
            message = (
                f"Could not get some {kind.singular.upper()} objects, they may be deleted or not "
                "exist. Check that ids are valid."
            )
            errors.append(row_error("OBJECT_NOT_FOUND", message, {"ids": missing}))
        return self._answer(results, errors, 200)

    def create(self, call: Call) -> Response:
        """Create up to 100 records."""

        def write(kind: ObjectType, row: Row) -> Row:
            given = row.get("properties") or {}
            return self._shown(kind, self._writes.create(kind, given), given)

        return self._write(call, write, ok=201)

    def update(self, call: Call) -> Response:
        """Update up to 100 records by id or ``idProperty``."""

        def write(kind: ObjectType, row: Row) -> Row:
            given = row.get("properties") or {}
            record = self._live(kind, row)
            if record is None:
                raise RowRefused(
                    404,
                    "OBJECT_NOT_FOUND",
                    f"Could not get some {kind.singular.upper()} objects, they may be deleted or "
                    "not exist. Check that ids are valid.",
                    {"ids": [str(row.get("id", ""))]},
                )
            return self._shown(kind, self._writes.update(kind, record, given), given)

        return self._write(call, write, ok=200)

    def upsert(self, call: Call) -> Response:
        """Create or update up to 100 records by ``idProperty``, a unique property."""

        def write(kind: ObjectType, row: Row) -> Row:
            given = dict(row.get("properties") or {})
            record = self._live(kind, row)
            if record is None:
                given.setdefault(row["idProperty"], row.get("id"))
                made = self._writes.create(kind, given)
            else:
                made = self._writes.update(kind, record, given)
            return {**self._shown(kind, made, given), "new": record is None}

        return self._write(call, write, ok=200, needs_id_property=True)

    def archive(self, call: Call) -> Response:
        """Archive up to 100 records; unknown ids are ignored."""
        kind = object_type(call)
        for row in _inputs(body_object(call), MAX_INPUTS):
            record = self._store.find(kind, None, str(row.get("id", "")))
            if record is not None and not record["archived"]:
                self._writes.archive(kind, record)
        return Response(status_code=204)

    def _live(self, kind: ObjectType, row: Row) -> Record | None:
        record = self._store.find(kind, row.get("idProperty"), str(row.get("id", "")))
        return None if record is None or record["archived"] else record

    def _write(
        self,
        call: Call,
        write: Callable[[ObjectType, Row], Row],
        *,
        ok: int,
        needs_id_property: bool = False,
    ) -> Response:
        kind = object_type(call)
        inputs = _inputs(body_object(call), MAX_INPUTS)
        for row in inputs:
            if needs_id_property or row.get("idProperty"):
                self._check_unique(kind, row.get("idProperty"), "update/upsert")
        _check_repeated(inputs)
        refuse = self._planned_refusal(call)
        traces = [row.get("objectWriteTraceId") for row in inputs]
        traced = None not in traces and len(set(traces)) == len(traces)
        results, errors = [], []
        try:
            with self._store.db.transaction():
                for position, row in enumerate(inputs):
                    try:
                        refuse(position, row)
                        results.append(write(kind, row))
                    except RowRefused as refused:
                        if not traced:
                            raise
                        trace = {"objectWriteTraceId": [str(traces[position])]}
                        context = {**refused.context, **trace}
                        errors.append(row_error(refused.category, refused.message, context))
        except RowRefused as refused:
            message, context = refused.message, refused.context
            if refused.category == "CONFLICT":
                message, context = f"{kind.singular.capitalize()} already exists", {}
            status = 400 if refused.status == 404 else refused.status
            raise error(status, refused.category, message, context=context) from None
        return self._answer(results, errors, ok)

    def _planned_refusal(self, call: Call) -> Callable[[int, Row], None]:
        fault = self._faults.take("hubspot", call.path, "partial_failure")
        params = fault.params if fault else {}
        every, keys = int(params.get("every_nth", 0)), set(params.get("keys", ()))

        def refuse(position: int, row: Row) -> None:
            if (every and (position + 1) % every == 0) or row.get("id") in keys:
                raise RowRefused(
                    400,
                    str(params.get("code", "VALIDATION_ERROR")),
                    str(params.get("message", "This row was refused")),
                )

        return refuse

    def _check_unique(self, kind: ObjectType, name: Any, action: str) -> None:
        known = self._store.properties(kind).get(str(name))
        if name == "hs_object_id" or (known is not None and known.unique):
            return
        raise validation_error(
            f"Unable to perform {action} by non-unique {kind.type_id} property {name}"
        )

    def _shown(self, kind: ObjectType, record: Record, given: Row) -> Row:
        return shown(kind, record, known=self._store.properties(kind), written=given)

    def _answer(self, results: list[Row], errors: list[Row], ok: int) -> Response:
        now = stamp(self._store.clock.now())
        body: dict[str, Any] = {
            "status": "COMPLETE",
            "startedAt": now,
            "completedAt": now,
            "results": sorted(results, key=_not_in_input_order),
        }
        if errors:
            body |= {"numErrors": len(errors), "errors": errors}
        return JSONResponse(body, 207 if errors else ok)


def _not_in_input_order(result: Row) -> str:
    return hashlib.md5(result["id"].encode()).hexdigest()


def _inputs(body: Row, most: int) -> list[Row]:
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise validation_error("Invalid input JSON: inputs is required and must not be empty")
    if len(inputs) > most:
        raise validation_error(
            f"The maximum number of inputs supported in a batch request is {most}, "
            f"got {len(inputs)}"
        )
    if not all(isinstance(row, dict) for row in inputs):
        raise validation_error("Invalid input JSON: each of inputs must be an object")
    return inputs


def _check_repeated(inputs: list[Row]) -> None:
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for row in inputs:
        if row.get("id") is None:
            continue
        key = str(row["id"]).strip()
        key = key.lower() if row.get("idProperty") == "email" else key
        if key in seen:
            repeated[key] = None
        seen.add(key)
    if repeated:
        listed = ", ".join(repeated)
        raise validation_error(
            f"Duplicate IDs found in batch input: [{listed}]. IDs must be unique"
        )
