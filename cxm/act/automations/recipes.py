"""Ready workflows, in five languages: somebody takes one as a draft, and makes it theirs."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .definition import Definition, read

LANGUAGES: Final = ("en", "pl", "ru", "uk", "zh-hant")


@dataclass(frozen=True)
class Recipe:
    """`to_do` says what to fill in before it can be published."""

    key: str
    name: Promise
    about: Promise
    icon: str
    to_do: Promise | str = ""


RECIPES: Final = (
    Recipe("detractor_recovery", _("Win detractors back"),
           _("A case for everyone who would not recommend you; it becomes urgent if it is still open after two days."),
           "lifebuoy"),
    Recipe("late_delivery", _("Say sorry for a late delivery"),
           _("An apology as soon as an order arrives after its promised date, and a call if it is a week late."),
           "truck"),
    Recipe("promoter_thanks", _("Thank promoters"),
           _("Thanks to everyone who would recommend you, with an invitation to write a review."), "heart",
           _("Put the address of your review page into the mail.")),
    Recipe("win_back", _("Win customers back"),
           _("A message to customers who have become silent, and a call to those who stay silent."), "repeat",
           _("Choose the segment of customers who have become silent.")),
    Recipe("onboarding", _("Welcome new customers"),
           _("A welcome after the first order, and a survey two weeks later."), "flag",
           _("Choose the survey, and put the address of your first steps into the mail.")),
    Recipe("bereavement_card", _("Card of condolence"),
           _("When somebody tags a customer “bereavement”: a hand-written card, and quiet."), "mail",
           ""),
)  # fmt: skip


@cache
def _stored() -> dict[str, Any]:
    text = Path(__file__).with_name("recipes.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def recipe_called(key: str) -> Recipe | None:
    return next((one for one in RECIPES if one.key == key), None)


def definition_of(recipe: Recipe, language: str = "en") -> Definition:
    """A draft; what our own people read is in `language`, what customers read in theirs."""
    first = next((one for one in LANGUAGES if one == language.casefold()), "en")
    languages = [first, *(one for one in LANGUAGES if one != first)]
    return read({**copy.deepcopy(_stored()[recipe.key]), "languages": languages})
