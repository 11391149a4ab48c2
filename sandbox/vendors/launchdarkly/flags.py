"""``/api/v2/flags``: create, read, and change by semantic patch."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.endpoint import Call
from sandbox.vendors.launchdarkly import clauses
from sandbox.vendors.launchdarkly.answers import milliseconds, refused
from sandbox.vendors.launchdarkly.segments import KEY, body_object, is_semantic
from sandbox.vendors.launchdarkly.store import Store

Record = dict[str, Any]


class Flags:
    """The flags of a store, in its one environment."""

    def __init__(self, store: Store, environment_key: str) -> None:
        self._store = store
        self._environment_key = environment_key

    def listing(self, call: Call) -> Response:
        """All flags."""
        del call
        found = self._store.rows("flags")
        return JSONResponse({"items": found, "totalCount": len(found), "_links": {}})

    def create(self, call: Call) -> Response:
        """Make a boolean flag, or one with the given variations; it starts switched off."""
        body = body_object(call)
        key, name = body.get("key"), body.get("name")
        if not isinstance(key, str) or not KEY.fullmatch(key) or not name:
            raise refused(400, "A flag needs a name and a key of letters, digits, . _ -")
        variations = body.get("variations") or [{"value": True}, {"value": False}]
        with self._store.db.transaction():
            if self._store.flags.get(key):
                raise refused(409, "A feature with that key already exists")
            flag: Record = {
                "key": key,
                "name": name,
                "kind": "boolean" if not body.get("variations") else "multivariate",
                "tags": body.get("tags") or [],
                "creationDate": milliseconds(self._store.clock.now()),
                "archived": False,
                "_version": 1,
                "variations": [{**each, "_id": str(uuid.uuid4())} for each in variations],
                "environments": {
                    self._environment_key: {
                        "on": False,
                        "archived": False,
                        "version": 1,
                        "salt": f"salt-{key}",
                        "targets": [],
                        "rules": [],
                        "fallthrough": {"variation": 0},
                        "offVariation": len(variations) - 1,
                    }
                },
            }
            self._store.put_flag(flag)
        return JSONResponse(flag, 201)

    def get(self, call: Call) -> Response:
        """One flag."""
        return JSONResponse(self._found(call))

    def patch(self, call: Call) -> Response:
        """Apply a semantic patch, all instructions or none."""
        if not is_semantic(call):
            raise refused(400, "Only semantic patches of flags are served here")
        body = body_object(call)
        if body.get("environmentKey") != self._environment_key:
            raise refused(400, f"Unknown environmentKey {body.get('environmentKey')}")
        instructions = body.get("instructions")
        if not isinstance(instructions, list) or not instructions:
            raise refused(422, "A semantic patch needs a list of instructions")
        with self._store.db.transaction():
            flag = self._found(call)
            changed = copy.deepcopy(flag)
            environment = changed["environments"][self._environment_key]
            for each in instructions:
                if each.get("kind") not in _KINDS:
                    raise refused(400, f"Unknown instruction kind: {each.get('kind')}")
                _KINDS[each["kind"]](changed, environment, each)
            _check_targets(environment)
            if changed != flag:
                changed["_version"] += 1
                environment["version"] += 1
                self._store.put_flag(changed)
        return JSONResponse(changed)

    def _found(self, call: Call) -> Record:
        flag = self._store.flags.get(call.params["flag"])
        if flag is None:
            raise refused(404, f"Unknown feature key {call.params['flag']}")
        return flag


def _variation(flag: Record, instruction: Record) -> int:
    for position, variation in enumerate(flag["variations"]):
        if variation["_id"] == instruction.get("variationId"):
            return position
    raise refused(400, f"Unknown variationId {instruction.get('variationId')}")


def _switch(on: bool) -> Callable[[Record, Record, Record], None]:
    def change(flag: Record, environment: Record, instruction: Record) -> None:
        del flag, instruction
        environment["on"] = on

    return change


def _targets(adding: bool) -> Callable[[Record, Record, Record], None]:
    def change(flag: Record, environment: Record, instruction: Record) -> None:
        variation = _variation(flag, instruction)
        kind = instruction.get("contextKind", "user")
        values = instruction.get("values") or []
        kept, held = [], []
        for each in environment["targets"]:
            if (each["variation"], each["contextKind"]) == (variation, kind):
                held = each["values"]
            else:
                kept.append(each)
        if adding:
            held = list(dict.fromkeys((*held, *values)))
        else:
            held = [value for value in held if value not in values]
        if held:
            kept.append({"contextKind": kind, "variation": variation, "values": held})
        environment["targets"] = kept

    return change


def _check_targets(environment: Record) -> None:
    seen: set[tuple[str, str]] = set()
    for each in environment["targets"]:
        for value in each["values"]:
            if (each["contextKind"], value) in seen:
                raise refused(400, f"The context {value} is a target of two variations")
            seen.add((each["contextKind"], value))


def _rule(flag: Record, given: Record) -> Record:
    return {
        "_id": str(uuid.uuid4()),
        "variation": _variation(flag, given),
        "description": given.get("description"),
        "clauses": [clauses.new_clause(each) for each in given.get("clauses") or []],
        "trackEvents": False,
    }


def _add_rule(flag: Record, environment: Record, instruction: Record) -> None:
    environment["rules"].append(_rule(flag, instruction))


def _replace_rules(flag: Record, environment: Record, instruction: Record) -> None:
    environment["rules"] = [_rule(flag, each) for each in instruction.get("rules") or []]


def _update_fallthrough(flag: Record, environment: Record, instruction: Record) -> None:
    environment["fallthrough"] = {"variation": _variation(flag, instruction)}


def _update_off(flag: Record, environment: Record, instruction: Record) -> None:
    environment["offVariation"] = _variation(flag, instruction)


def _clear_targets(flag: Record, environment: Record, instruction: Record) -> None:
    del flag, instruction
    environment["targets"] = []


def _archive(flag: Record, environment: Record, instruction: Record) -> None:
    del environment, instruction
    flag["archived"] = True


def _in_environment(
    change: Callable[[Record, Record], None],
) -> Callable[[Record, Record, Record], None]:
    def changed(flag: Record, environment: Record, instruction: Record) -> None:
        del flag
        change(environment, instruction)

    return changed


_KINDS: dict[str, Callable[[Record, Record, Record], None]] = {
    "turnFlagOn": _switch(True),
    "turnFlagOff": _switch(False),
    "addTargets": _targets(adding=True),
    "removeTargets": _targets(adding=False),
    "clearTargets": _clear_targets,
    "addRule": _add_rule,
    "replaceRules": _replace_rules,
    "removeRule": _in_environment(clauses.remove_rule),
    "addValuesToClause": _in_environment(clauses.add_values),
    "removeValuesFromClause": _in_environment(clauses.remove_values),
    "updateFallthroughVariationOrRollout": _update_fallthrough,
    "updateOffVariation": _update_off,
    "archiveFlag": _archive,
}
