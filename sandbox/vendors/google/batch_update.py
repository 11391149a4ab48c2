"""``spreadsheets:batchUpdate``: cells by their place and below the last row, all or nothing."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.endpoint import Call
from sandbox.vendors.google.answers import refused
from sandbox.vendors.google.store import Cell, Grid, Store

MAX_CHARACTERS, MAX_CELLS = 50_000, 10_000_000
KINDS = {"stringValue": str, "numberValue": int | float, "boolValue": bool}


class BatchUpdate:
    """Batch updates of a store's spreadsheets."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def update(self, call: Call) -> Response:
        """Carry out all requests, or none of them."""
        found = self._store.spreadsheets.get(call.params["spreadsheet_id"])
        if found is None:
            raise refused(404, "Requested entity was not found.")
        spreadsheet = deepcopy(found)
        try:
            asked = call.json()["requests"]
        except (ValueError, KeyError, TypeError):
            raise refused(400, "Invalid JSON payload received.") from None
        if not isinstance(asked, list) or not asked:
            raise refused(400, "Must specify at least one request.")
        for number, request in enumerate(asked):
            _carry_out(spreadsheet, number, request)
        self._store.put(spreadsheet)
        return JSONResponse({"spreadsheetId": spreadsheet["id"], "replies": [{} for _ in asked]})


def _carry_out(spreadsheet: dict[str, Any], number: int, request: dict[str, Any]) -> None:
    [(kind, body)] = request.items() if len(request) == 1 else [("", {})]
    where = f"Invalid requests[{number}].{kind or 'request'}"
    if kind not in ("updateCells", "appendCells"):
        raise refused(400, f"{where}: Unknown name.")
    if body.get("fields") != "userEnteredValue":
        raise refused(400, f"{where}: At least one field must be listed in 'fields'.")
    start = body.get("start", {}) if kind == "updateCells" else body
    sheets = [each for each in spreadsheet["sheets"] if each["sheetId"] == start.get("sheetId", 0)]
    if not sheets:
        raise refused(400, f"{where}: No grid with id: {start.get('sheetId')}")
    grid: Grid = sheets[0]["grid"]
    row = start.get("rowIndex", 0) if kind == "updateCells" else _filled(grid)
    for offset, given in enumerate(body.get("rows", [])):
        _put(grid, row + offset, start.get("columnIndex", 0), given.get("values", []), where)
    if sum(len(each) for each in grid) > MAX_CELLS:
        raise refused(400, f"{where}: This action would increase the number of cells above the "
                           f"limit of {MAX_CELLS} cells.")  # fmt: skip


def _put(grid: Grid, row: int, column: int, cells: list[dict[str, Any]], where: str) -> None:
    while len(grid) <= row:
        grid.append([])
    held = grid[row]
    held.extend([""] * (column + len(cells) - len(held)))
    for position, cell in enumerate(cells, column):
        held[position] = _entered(cell.get("userEnteredValue"), where)


def _entered(value: dict[str, Any] | None, where: str) -> Cell:
    """What stands in the cell; none empties it, and a text is never taken for a formula."""
    if not value:
        return ""
    [(kind, content)] = value.items() if len(value) == 1 else [("", None)]
    wanted = KINDS.get(kind)
    is_bool = isinstance(content, bool)
    if wanted is None or not isinstance(content, wanted) or is_bool != (kind == "boolValue"):
        raise refused(400, f"{where}: Invalid value at 'user_entered_value'.")
    if isinstance(content, str) and len(content) > MAX_CHARACTERS:
        raise refused(400, f"{where}: Your input contains more than the maximum of "
                           f"{MAX_CHARACTERS} characters in a single cell.")  # fmt: skip
    return content


def _filled(grid: Grid) -> int:
    """The number of rows up to the last one with data."""
    return max((n for n, row in enumerate(grid, 1) if any(c not in (None, "") for c in row)),
               default=0)  # fmt: skip
