"""Maps to begin with: journeys of several trades, with their texts in the five languages of the pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml
from django.utils.translation import get_language

from cxm.understand.journeys.definition import (
    Binding,
    EventRule,
    FeedbackRule,
    MapDefinition,
    Promise,
    Stage,
    Test,
    Touchpoint,
)

FOLDER = Path(__file__).parent / "starters"
LANGUAGES: Final = ("en", "pl", "ru", "uk", "zh-hant")  # in which order a text is given
ORDER: Final = ("retail", "telecom", "bank_loan", "clinic", "saas_onboarding", "car_credit")
LANES: Final = {"does": "actions", "thinks": "thoughts", "pain": "pain_points", "chance": "opportunities"}
SECONDS: Final = {"m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class StarterMap:
    key: str
    names: dict[str, str]  # by language
    abouts: dict[str, str]
    definitions: dict[str, MapDefinition]

    @property
    def name(self) -> str:
        return self.names[_language()]

    @property
    def about(self) -> str:
        return self.abouts[_language()]

    @property
    def definition(self) -> MapDefinition:
        return self.definitions[_language()]


@lru_cache(maxsize=1)
def starter_maps() -> dict[str, StarterMap]:
    """All of them by key, in the order in which they are offered."""
    return {key: _read(key) for key in ORDER}


def _language() -> str:
    language = get_language() or "en"
    return language if language in LANGUAGES else "en"


def _read(key: str) -> StarterMap:
    said = yaml.safe_load((FOLDER / f"{key}.yaml").read_text(encoding="utf-8"))
    return StarterMap(
        key, texts(said["name"]), texts(said["about"]), {language: _map(said, language) for language in LANGUAGES}
    )


def texts(said: str) -> dict[str, str]:
    """The text in each language; raises ValueError where one is missing."""
    return dict(zip(LANGUAGES, (one.strip() for one in said.split(" | ")), strict=True))


def _map(said: dict[str, Any], language: str) -> MapDefinition:
    stages = tuple(
        Stage(
            stage["key"], texts(stage["name"])[language],
            tuple(_touchpoint(one, language) for one in stage["touchpoints"]),
        )
        for stage in said["stages"]
    )  # fmt: skip
    made = MapDefinition(
        case=said.get("case", "customer"), metric=said["metric"], stages=stages,
        persona=texts(said["persona"])[language], goal=texts(said["goal"])[language],
    )  # fmt: skip
    return msgspec.convert(msgspec.to_builtins(made), MapDefinition)  # a wrong kind of value stops here


def _touchpoint(said: dict[str, Any], language: str) -> Touchpoint:
    key = said["key"]
    lanes = {lane: texts(said[name])[language] for name, lane in LANES.items() if name in said}
    about = FeedbackRule((Test("touchpoint", "is", (key,)),))
    promises = ()
    if "promise" in said:
        promises = (Promise(texts(said["promise"])[language], _seconds(said["within"]), said.get("reaches", "")),)
    return Touchpoint(
        key=key, name=texts(said["name"])[language], channel=said["channel"], promises=promises,
        partner=texts(said["partner"])[language] if "partner" in said else "",
        moment_of_truth=said.get("moment", False), optional=said.get("optional", False), ends=said.get("ends", False),
        binding=Binding(events=(EventRule(said.get("events", key)),), feedback=(about,), tickets=(about,)),
        lanes={**lanes, "emotion": str(said["feels"])},
    )  # fmt: skip


def _seconds(said: str) -> int:
    found = re.fullmatch(r"(\d+)([mhd])", said)
    if found is None:
        raise ValueError(f"{said!r} is no time such as 30m, 1h or 2d.")
    return int(found[1]) * SECONDS[found[2]]
