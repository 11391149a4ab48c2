"""SOQL as a tree to SQL for SQLite: names are resolved, values checked against their field's type.

SOQL knows only true and false: a comparison with null is false, ``!=`` and ``NOT IN`` hold for
null, and NOT turns that around. Text compares without regard to case. Nulls sort first, both ways.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.vendors.salesforce import ids, schema, soql, values
from sandbox.vendors.salesforce.errors import ApiError
from sandbox.vendors.salesforce.schema import Field, SObject

_HINT = (
    " If you are attempting to use a custom {thing}, be sure to append the '__c' after the "
    "{name}. Please reference your WSDL or the describe call for the appropriate names."
)


@dataclass(frozen=True)
class Column:
    """One selected value: the path of its names in the answer, its field and its expression."""

    path: tuple[str, ...]
    field: Field
    sql: str


@dataclass(frozen=True)
class Parent:
    """A parent record that the answer nests: where, of which object, and its id's expression."""

    path: tuple[str, ...]
    sobject: SObject
    sql: str


@dataclass
class Select:
    """A query ready to run: pieces of SQL, with ``parameters`` for the conditions.

    ``aggregate`` is None for rows, ``count`` for ``COUNT()``, ``rows`` for aggregate rows.
    """

    sobject: SObject
    columns: list[Column] = field(default_factory=list)
    parents: list[Parent] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)
    where: str = ""
    parameters: list[Any] = field(default_factory=list)
    group_by: str = ""
    order_by: str = ""
    limit: int | None = None
    offset: int | None = None
    aggregate: str | None = None

    def sql(self, expressions: list[str]) -> str:
        """The statement that selects ``expressions``."""
        clauses = [
            f"select {', '.join(expressions)}",
            f'from "{self.sobject.name}" as t0',
            *self.joins,
            f"where {self.where}" if self.where else "",
            f"group by {self.group_by}" if self.group_by else "",
            f"order by {self.order_by}" if self.order_by else "",
            f"limit {self.limit}" if self.limit is not None else "",
            f"limit -1 offset {self.offset}" if self.offset and self.limit is None else "",
            f"offset {self.offset}" if self.offset and self.limit is not None else "",
        ]
        return "\n".join(clause for clause in clauses if clause)


def compile_query(query: soql.Query, *, all_rows: bool, now: datetime) -> Select:
    """Resolve a query against the schema.

    Raises ``INVALID_TYPE``, ``INVALID_FIELD`` and ``MALFORMED_QUERY`` as :class:`ApiError`.
    """
    return _Compiler(query, now).compile(all_rows=all_rows)


class _Compiler:
    def __init__(self, query: soql.Query, now: datetime) -> None:
        self._query = query
        self._now = now
        sobject = schema.find(query.object)
        if sobject is None:
            hint = _HINT.format(thing="object", name="entity name")
            raise self._error(
                query.object_at,
                "INVALID_TYPE",
                f"sObject type '{query.object}' is not supported.{hint}",
            )
        self._select = Select(sobject)
        self._aliases: dict[tuple[str, ...], tuple[str, SObject]] = {(): ("t0", sobject)}

    def _error(self, at: int, code: str, reason: str) -> ApiError:
        return soql.error_at(self._query.text, at, code, reason)

    def compile(self, *, all_rows: bool) -> Select:
        query, select = self._query, self._select
        self._items()
        conditions = [] if all_rows or not select.sobject.recycles else ['t0."IsDeleted" = 0']
        if not all_rows and select.sobject.field("IsArchived"):
            conditions.append('t0."IsArchived" = 0')
        if query.where is not None:
            conditions.append(self._condition(query.where))
        select.where = " and ".join(conditions)
        select.group_by = ", ".join(self._expression(path)[1] for path in query.group_by)
        select.order_by = ", ".join(self._ordering(term) for term in query.order_by)
        select.limit, select.offset = query.limit, query.offset
        return select

    def _items(self) -> None:
        aggregates = [item for item in self._query.items if isinstance(item, soql.Aggregate)]
        grouped = {path.text.lower() for path in self._query.group_by}
        if aggregates or grouped:
            self._select.aggregate = "rows"
        unnamed = 0
        for item in self._query.items:
            if isinstance(item, soql.FieldSet):
                self._field_set(item)
            elif isinstance(item, soql.Aggregate):
                if item.path is None:
                    if len(self._query.items) > 1:
                        raise self._error(item.at, "MALFORMED_QUERY", "unexpected token: ','")
                    self._select.aggregate = "count"
                    continue
                name = item.alias or f"expr{unnamed}"
                unnamed += item.alias is None
                self._aggregate(item, name)
            else:
                if aggregates and item.text.lower() not in grouped:
                    raise self._error(
                        item.at,
                        "MALFORMED_QUERY",
                        f"Field must be grouped or aggregated: {item.text}",
                    )
                self._column(item)

    def _aggregate(self, item: soql.Aggregate, name: str) -> None:
        assert item.path is not None
        found, sql = self._expression(item.path)
        call = (
            f"count(distinct {sql})"
            if item.function == "COUNT_DISTINCT"
            else f"{item.function.lower()}({sql})"
        )
        kind = found
        if item.function.startswith("COUNT"):
            kind = Field(name=name, label=name, type="int")
        self._select.columns.append(Column((name,), kind, call))

    def _field_set(self, item: soql.FieldSet) -> None:
        most = schema.org()["query"]["fields_all_rows"]
        limit = self._query.limit
        if item.which != "STANDARD" and (limit is None or limit > most):
            raise ApiError(
                400,
                "MALFORMED_QUERY",
                f"The SOQL FIELDS function must have a LIMIT of at most {most}",
            )
        for found in self._select.sobject.fields.values():
            custom = found.name.endswith("__c")
            if item.which == "ALL" or custom == (item.which == "CUSTOM"):
                self._select.columns.append(
                    Column((found.name,), found, found.sql.format(*["t0"] * 9))
                )

    def _column(self, path: soql.Path) -> None:
        names = self._without_alias(path)
        found, sql = self._expression(path)
        parent_path: tuple[str, ...] = ()
        for name in names[:-1]:
            _, sobject = self._aliases[parent_path]
            relation = sobject.relation(name)
            assert relation is not None and relation.relationship is not None
            parent_path = (*parent_path, relation.relationship)
            alias, parent = self._aliases[parent_path]
            if all(known.path != parent_path for known in self._select.parents):
                self._select.parents.append(Parent(parent_path, parent, f'{alias}."Id"'))
        column = Column((*parent_path, found.name), found, sql)
        if any(known.path == column.path for known in self._select.columns):
            raise self._error(path.at, "MALFORMED_QUERY", f"duplicate field selected: {path.text}")
        self._select.columns.append(column)

    def _without_alias(self, path: soql.Path) -> list[str]:
        names = path.text.split(".")
        own = {(self._query.alias or "").lower(), self._query.object.lower()}
        is_relation = self._select.sobject.relation(names[0]) is not None
        if len(names) > 1 and names[0].lower() in own and not is_relation:
            return names[1:]
        return names

    def _expression(self, path: soql.Path) -> tuple[Field, str]:
        """The field at the end of a path and its SQL, joining the parents on the way."""
        names = self._without_alias(path)
        reached: tuple[str, ...] = ()
        for name in names[:-1]:
            alias, sobject = self._aliases[reached]
            relation = sobject.relation(name)
            if relation is None or relation.relationship is None:
                raise self._error(
                    path.at,
                    "INVALID_FIELD",
                    f"Didn't understand relationship '{name}' in field path. If you are attempting "
                    "to use a custom relationship, be sure to append the '__r' after the custom "
                    "relationship name. Please reference your WSDL or the describe call for the "
                    "appropriate names.",
                )
            reached = (*reached, relation.relationship)
            if reached not in self._aliases:
                parent = schema.objects()[relation.to[0].lower()]
                joined = f"t{len(self._aliases)}"
                self._select.joins.append(
                    f'left join "{parent.name}" as {joined} '
                    f'on {joined}."Id" = {alias}."{relation.name}"'
                )
                self._aliases[reached] = (joined, parent)
        alias, sobject = self._aliases[reached]
        found = sobject.field(names[-1])
        if found is None:
            raise self._error(
                path.at,
                "INVALID_FIELD",
                f"No such column '{names[-1]}' on entity '{sobject.name}'."
                + _HINT.format(thing="field", name="custom field name"),
            )
        return found, found.sql.format(*[alias] * 9)

    def _ordering(self, term: soql.Ordering) -> str:
        found, sql = self._expression(term.path)
        if found.type in {"address", "textarea"} and found.length > 255:
            raise self._error(
                term.path.at,
                "INVALID_FIELD",
                f"field '{found.name}' can not be sorted in a query call",
            )
        direction = "desc" if term.descending else "asc"
        return f"{sql} {direction} nulls {'last' if term.nulls_last else 'first'}"

    def _condition(self, condition: soql.Condition) -> str:
        if isinstance(condition, soql.Not):
            return f"not ifnull(({self._condition(condition.condition)}), 0)"
        if isinstance(condition, soql.Group):
            word = f" {condition.word.lower()} "
            return "(" + word.join(self._condition(c) for c in condition.conditions) + ")"
        return self._comparison(condition)

    def _comparison(self, comparison: soql.Comparison) -> str:
        found, sql = self._expression(comparison.path)
        operator, value = comparison.operator, comparison.value
        if found.type == "address" or (found.type == "textarea" and found.length > 255):
            raise self._error(
                comparison.path.at,
                "INVALID_FIELD",
                f"field '{found.name}' can not be filtered in a query call",
            )
        if isinstance(value, soql.Query):
            return self._semi_join(found, sql, operator, value)
        if isinstance(value, tuple):
            if operator in {"INCLUDES", "EXCLUDES"}:
                return self._includes(comparison, found, sql, value)
            return self._in(comparison, found, sql, value)
        if value.kind == "null":
            if operator not in {"=", "!="}:
                raise self._operator(comparison)
            return f"{sql} is {'' if operator == '=' else 'not '}null"
        if operator == "LIKE":
            if not found.is_text:
                raise self._operator(comparison)
            self._select.parameters.append(self._value(found, value, like=True))
            return f"{sql} like ? escape '{soql.LIKE_ESCAPE}'"
        if found.type == "boolean" and operator not in {"=", "!="}:
            raise self._operator(comparison)
        if value.kind == "relative" and found.type == "datetime":
            return self._relative_day(sql, operator, value)
        self._select.parameters.append(self._value(found, value))
        if operator == "!=":
            return f"{sql} is not ?"
        return f"{sql} {operator} ?"

    def _operator(self, comparison: soql.Comparison) -> ApiError:
        return self._error(
            comparison.path.at,
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid operator on the field "
            f"'{comparison.path.text}': {comparison.operator.lower()}",
        )

    def _in(
        self, comparison: soql.Comparison, found: Field, sql: str, items: tuple[soql.Literal, ...]
    ) -> str:
        given = [item for item in items if item.kind != "null"]
        self._select.parameters += [self._value(found, item) for item in given]
        among = f"{sql} in ({', '.join('?' * len(given))})"
        has_null = len(given) < len(items)
        if comparison.operator == "IN":
            return f"({among} or {sql} is null)" if has_null else among
        outside = f"not ifnull({among}, 0)"
        return f"({outside} and {sql} is not null)" if has_null else outside

    def _includes(
        self, comparison: soql.Comparison, found: Field, sql: str, items: tuple[soql.Literal, ...]
    ) -> str:
        """``INCLUDES('a;b', 'c')``: a and b, or c."""
        if found.type != "multipicklist":
            raise self._operator(comparison)
        options = []
        for item in items:
            parts = str(self._value(found, item)).split(";")
            options.append(" and ".join([f"';' || {sql} || ';' like ?"] * len(parts)))
            self._select.parameters += [f"%;{part};%" for part in parts]
        condition = "(" + " or ".join(f"({option})" for option in options) + ")"
        return condition if comparison.operator == "INCLUDES" else f"not ifnull({condition}, 0)"

    def _semi_join(self, found: Field, sql: str, operator: str, query: soql.Query) -> str:
        if found.type not in {"id", "reference"}:
            raise self._error(
                query.object_at,
                "MALFORMED_QUERY",
                f"The left operand field in the where expression for outer query should be an id "
                f"field, cannot use: '{found.name}'",
            )
        inner = compile_query(query, all_rows=False, now=self._now)
        self._select.parameters += inner.parameters
        rows = inner.sql([inner.columns[0].sql])
        among = f"{sql} in ({rows})"
        return among if operator == "IN" else f"not ifnull({among}, 0)"

    def _relative_day(self, sql: str, operator: str, value: soql.Literal) -> str:
        start, end = self._days(value)
        bounds = [values.stamp(start), values.stamp(end)]
        spans = {
            "=": (f"({sql} >= ? and {sql} < ?)", bounds),
            "!=": (f"not ifnull({sql} >= ? and {sql} < ?, 0)", bounds),
            "<": (f"{sql} < ?", bounds[:1]),
            ">=": (f"{sql} >= ?", bounds[:1]),
            ">": (f"{sql} >= ?", bounds[1:]),
            "<=": (f"{sql} < ?", bounds[1:]),
        }
        condition, parameters = spans[operator]
        self._select.parameters += parameters
        return condition

    def _days(self, value: soql.Literal) -> tuple[datetime, datetime]:
        """The half-open span that a relative date stands for."""
        today = self._now.replace(hour=0, minute=0, second=0, microsecond=0)
        word, count = value.value
        day = timedelta(days=1)
        if word in {"TODAY", "YESTERDAY", "TOMORROW", "N_DAYS_AGO"}:
            shift = {"TODAY": 0, "YESTERDAY": -1, "TOMORROW": 1}.get(word, -count)
            return today + shift * day, today + (shift + 1) * day
        if word == "LAST_N_DAYS":
            return today - count * day, today + day
        return today + day, today + (count + 1) * day

    def _value(self, found: Field, literal: soql.Literal, *, like: bool = False) -> Any:
        kind = found.type
        if literal.kind == "null":
            return None
        if found.is_text or kind in {"id", "reference"}:
            if literal.kind != "string":
                raise self._wrong(found, literal, "string", enclosed=True)
            if like:
                return literal.value
            text = str(literal.value).replace(soql.LIKE_ESCAPE, "")
            if found.is_text:
                return text
            known = ids.normalize(text)
            if known is None and text:
                raise self._error(
                    literal.at, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {text}"
                )
            return known
        if kind == "boolean":
            if literal.kind != "boolean":
                raise self._wrong(found, literal, "boolean")
            return int(literal.value)
        if found.is_number:
            if literal.kind != "number":
                raise self._wrong(found, literal, "double" if kind != "int" else "int")
            return literal.value
        if kind == "datetime":
            if literal.kind != "datetime":
                raise self._wrong(found, literal, "dateTime")
            return self._moment(literal)
        if literal.kind == "relative":
            return self._days(literal)[0].date().isoformat()
        if literal.kind != "date":
            raise self._wrong(found, literal, "date")
        return literal.value

    def _moment(self, literal: soql.Literal) -> str:
        try:
            at = values.read_stamp(literal.value)
        except ValueError:
            raise self._error(
                literal.at, "MALFORMED_QUERY", f"line 1: invalid date: {literal.value}"
            ) from None
        return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"

    def _wrong(
        self, found: Field, literal: soql.Literal, kind: str, *, enclosed: bool = False
    ) -> ApiError:
        should = "should be enclosed in quotes" if enclosed else "should not be enclosed in quotes"
        return self._error(
            literal.at,
            "INVALID_FIELD",
            f"value of filter criterion for field '{found.name}' must be of type {kind} "
            f"and {should}",
        )
