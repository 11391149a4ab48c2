"""The naming rules of events and properties, read from ``naming.yml``."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headwater.errors import DefinitionError

FILE = Path(__file__).parent / "naming.yml"


class Naming(BaseModel):
    """The rules; ``naming.yml`` explains each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    irregular_verbs: frozenset[str]
    particles: frozenset[str]
    abbreviations: frozenset[str]
    alike_from: float = Field(gt=0, le=1)
    property_pattern: str
    vendor_properties: str

    def faults_of_event(self, name: str) -> list[str]:
        """What is wrong with an event's name, in words."""
        words = name.split(" ")
        if not all(self._is_capitalised(word) for word in words):
            return ["is not written as words with a capital letter and one blank between them"]
        has_particle = len(words) > 1 and words[-1] in self.particles
        verb = words[-2] if has_particle else words[-1]
        if not self._is_past(verb):
            return [f"does not end in a verb in the past tense ({verb} is none)"]
        if len(words) == 1:
            return ["has no object: name what it happened to"]
        return []

    def is_good_property(self, name: str) -> bool:
        """Whether a property is named as properties are."""
        return re.fullmatch(self.property_pattern, name) is not None

    def is_of_vendor(self, name: str) -> bool:
        """Whether vendors add this property by themselves."""
        return re.fullmatch(self.vendor_properties, name) is not None

    def are_alike(self, name: str, other: str) -> bool:
        """Whether two names probably mean one event."""
        one, two = plain(name), plain(other)
        if one == two:
            return True
        matcher = SequenceMatcher(None, one, two, autojunk=False)
        return matcher.quick_ratio() >= self.alike_from and matcher.ratio() >= self.alike_from

    def _is_capitalised(self, word: str) -> bool:
        return word in self.abbreviations or re.fullmatch("[A-Z0-9][a-z0-9]*", word) is not None

    def _is_past(self, word: str) -> bool:
        return word in self.irregular_verbs or re.fullmatch("[A-Z].*(?<!e)ed", word) is not None


def plain(name: str) -> str:
    """A name without case, signs and the plural of its words."""
    words = re.findall(r"[A-Z]*[a-z0-9]+|[A-Z]+", name)
    return "".join(word.lower().removesuffix("s") for word in words)


@cache
def naming() -> Naming:
    """The rules of the project.

    Raises :class:`headwater.errors.DefinitionError` when the file cannot be read.
    """
    try:
        return Naming.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise DefinitionError(
            f"{FILE} cannot be read: {error}",
            next_step="Correct it; words that YAML takes for yes and no need quotes (On, Off).",
        ) from error
