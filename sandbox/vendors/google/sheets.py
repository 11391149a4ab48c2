"""``/v4/spreadsheets``: metadata and values."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.endpoint import Call
from sandbox.vendors.google.a1_range import Rectangle, parse
from sandbox.vendors.google.answers import refused
from sandbox.vendors.google.cells import shown, typed, without_blank_ends
from sandbox.vendors.google.store import DEFAULT_COLUMNS, DEFAULT_ROWS, Grid, Store

RENDER = ("FORMATTED_VALUE", "UNFORMATTED_VALUE", "FORMULA")
DATES = ("SERIAL_NUMBER", "FORMATTED_STRING")
INPUT = ("RAW", "USER_ENTERED")
Spreadsheet = dict[str, Any]


class Sheets:
    """The spreadsheets of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def metadata(self, call: Call) -> Response:
        """Properties of a spreadsheet and its sheets; ``fields`` names top-level parts."""
        spreadsheet = self._found(call)
        answer: dict[str, Any] = {
            "spreadsheetId": spreadsheet["id"],
            "properties": {"title": spreadsheet["title"], "locale": "en_US", "timeZone": "Etc/GMT"},
            "sheets": [
                {
                    "properties": {
                        "sheetId": sheet["sheetId"],
                        "title": sheet["title"],
                        "index": index,
                        "sheetType": "GRID",
                        "gridProperties": _size(sheet["grid"]),
                    },
                    **_merges(sheet),
                }
                for index, sheet in enumerate(spreadsheet["sheets"])
            ],
            "spreadsheetUrl": f"https://docs.google.com/spreadsheets/d/{spreadsheet['id']}/edit",
        }
        wanted = call.query.get("fields")
        if wanted and wanted != "*":
            names = {part.split(".")[0].split("(")[0].split("/")[0] for part in wanted.split(",")}
            answer = {name: value for name, value in answer.items() if name in names}
        return JSONResponse(answer)

    def get(self, call: Call) -> Response:
        """The values of one range."""
        return JSONResponse(self._values(call, self._found(call), call.params["range"]))

    def batch_get(self, call: Call) -> Response:
        """The values of several ranges, as one request."""
        spreadsheet = self._found(call)
        ranges = [self._values(call, spreadsheet, each) for each in call.query.getlist("ranges")]
        return JSONResponse({"spreadsheetId": spreadsheet["id"], "valueRanges": ranges})

    def update(self, call: Call) -> Response:
        """Write values into a range, from its first cell on."""
        spreadsheet, values = self._found(call), _given(call)
        where = _rectangle(spreadsheet, call.params["range"])
        written = _write(_grid(spreadsheet, where.sheet), where, values)
        self._store.put(spreadsheet)
        return JSONResponse(_receipt(spreadsheet["id"], written, values))

    def append(self, call: Call) -> Response:
        """Write values below the last filled row of a sheet."""
        spreadsheet, values = self._found(call), _given(call)
        where = _rectangle(spreadsheet, call.params["range"])
        grid = _grid(spreadsheet, where.sheet)
        filled = max(
            (
                number + 1
                for number, row in enumerate(grid)
                if any(c not in (None, "") for c in row)
            ),
            default=0,
        )
        below = Rectangle(where.sheet, filled, where.first_column)
        written = _write(grid, below, values)
        self._store.put(spreadsheet)
        receipt = _receipt(spreadsheet["id"], written, values)
        return JSONResponse({"spreadsheetId": spreadsheet["id"], "updates": receipt})

    def _found(self, call: Call) -> Spreadsheet:
        spreadsheet = self._store.spreadsheets.get(call.params["spreadsheet_id"])
        if spreadsheet is None:
            raise refused(404, "Requested entity was not found.")
        return spreadsheet

    def _values(self, call: Call, spreadsheet: Spreadsheet, text: str) -> dict[str, Any]:
        render = _option(call, "valueRenderOption", RENDER)
        dates = _option(call, "dateTimeRenderOption", DATES)
        dimension = _option(call, "majorDimension", ("ROWS", "COLUMNS"))
        asked = _rectangle(spreadsheet, text)
        grid = _grid(spreadsheet, asked.sheet)
        size = _size(grid)
        where = asked.within(size["rowCount"], size["columnCount"])
        if where.first_row >= size["rowCount"] or where.first_column >= size["columnCount"]:
            raise refused(
                400,
                f"Range ({text}) exceeds grid limits. Max rows: {size['rowCount']}, max columns: "
                f"{size['columnCount']}",
            )
        values = [
            [
                shown(
                    cell,
                    formatted=render == "FORMATTED_VALUE",
                    serial_dates=dates == "SERIAL_NUMBER",
                )
                for cell in row[where.first_column : where.end_column]
            ]
            for row in grid[where.first_row : where.end_row]
        ]
        values = without_blank_ends(values)
        if dimension == "COLUMNS":
            width = max((len(row) for row in values), default=0)
            filled = [[*row, *[""] * (width - len(row))] for row in values]
            values = without_blank_ends([list(column) for column in zip(*filled, strict=True)])
        answer: dict[str, Any] = {"range": where.text(), "majorDimension": dimension}
        return {**answer, "values": values} if values else answer


def _merges(sheet: dict[str, Any]) -> dict[str, Any]:
    """Merged cells; the field is missing where there are none."""
    if not sheet.get("merges"):
        return {}
    return {"merges": [{"sheetId": sheet["sheetId"], **each} for each in sheet["merges"]]}


def _option(call: Call, name: str, allowed: tuple[str, ...]) -> str:
    given = call.query.get(name) or allowed[0]
    if given not in allowed:
        raise refused(400, f"Invalid value at '{name}' (TYPE_ENUM), \"{given}\"")
    return given


def _rectangle(spreadsheet: Spreadsheet, text: str) -> Rectangle:
    try:
        return parse(text, [sheet["title"] for sheet in spreadsheet["sheets"]])
    except ValueError:
        raise refused(400, f"Unable to parse range: {text}") from None


def _grid(spreadsheet: Spreadsheet, title: str) -> Grid:
    for sheet in spreadsheet["sheets"]:
        if sheet["title"] == title:
            grid: Grid = sheet["grid"]
            return grid
    raise KeyError(title)


def _size(grid: Grid) -> dict[str, int]:
    """The grid's size on the screen: it always has some empty rows and columns."""
    return {
        "rowCount": max(DEFAULT_ROWS, len(grid)),
        "columnCount": max(DEFAULT_COLUMNS, max((len(row) for row in grid), default=0)),
    }


def _given(call: Call) -> Grid:
    option = call.query.get("valueInputOption")
    if option not in INPUT:
        raise refused(400, "'valueInputOption' is required but not specified")
    try:
        values = call.json()["values"]
    except (ValueError, KeyError, TypeError):
        raise refused(400, "Invalid JSON payload received.") from None
    if not isinstance(values, list) or not all(isinstance(row, list) for row in values):
        raise refused(400, "Invalid value at 'data.values': must be a list of rows")
    if option == "USER_ENTERED":
        return [[typed(cell) for cell in row] for row in values]
    return values


def _write(grid: Grid, where: Rectangle, values: Grid) -> Rectangle:
    """Put values into the grid, which grows; null leaves a cell as it is."""
    width = max((len(row) for row in values), default=0)
    while len(grid) < where.first_row + len(values):
        grid.append([])
    for offset, given in enumerate(values):
        row = grid[where.first_row + offset]
        row.extend([""] * (where.first_column + len(given) - len(row)))
        for position, cell in enumerate(given, where.first_column):
            if cell is not None:
                row[position] = cell
    return Rectangle(
        where.sheet,
        where.first_row,
        where.first_column,
        where.first_row + max(1, len(values)),
        where.first_column + max(1, width),
    )


def _receipt(spreadsheet_id: str, written: Rectangle, values: Grid) -> dict[str, Any]:
    return {
        "spreadsheetId": spreadsheet_id,
        "updatedRange": written.text(),
        "updatedRows": len(values),
        "updatedColumns": max((len(row) for row in values), default=0),
        "updatedCells": sum(len(row) for row in values),
    }
