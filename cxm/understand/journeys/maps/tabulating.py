"""A map as a table: one row for each touchpoint, for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from .board import Board


def rows_of(board: Board) -> Iterator[Sequence[object]]:
    """The heading, then the touchpoints in their order. Costs in the currency of the map."""
    yield [
        pgettext("part of a journey", "Stage"), _("Touchpoint"), pgettext("of a touchpoint", "Key"), _("Description"),
        pgettext("way of contact", "Channel"), _("Owner"), _("Partner"), _("Moment of truth"),
        _("Not on every journey"), _("A good end"), _("Promises"), _("Events"), _("Topics"), _("Cost of one contact"),
        _("Target of the score"), *(label for _lane, label in board.lanes),
    ]  # fmt: skip
    yes, no = _("yes"), _("no")
    for column in board.columns:
        for card in column.cards:
            one = card.touchpoint
            yield [
                column.stage.name, one.name, one.key, one.text, card.channel, card.owner, one.partner,
                yes if one.moment_of_truth else no, yes if one.optional else no, yes if one.ends else no,
                "\n".join(card.promises), ", ".join(rule.event for rule in one.binding.events),
                ", ".join(one.binding.topics), one.cost, one.target, *(cell.text for cell in card.cells),
            ]  # fmt: skip
