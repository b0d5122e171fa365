"""What can be done to a board: add, move and remove tiles, choose automatically again, undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxm.accounts.audit import audit
from cxm.accounts.models import User, Workspace

from .models import Board, Tiles

MOST_TILES: Final = 24
MOST_UNDOS: Final = 20


class BoardRefused(ValueError):
    """The change was not made; the message says why and what to do."""


@transaction.atomic
def add_tile(*, workspace: Workspace, metric: str, query: str, title: str, present: Tiles, by: User) -> Board:
    """Put a figure at the end. `present` is what the page shows where nobody arranged the board yet."""
    tile = {"metric": metric, "query": query, "title": title.strip()[:120]}

    def added(tiles: Tiles) -> Tiles:
        if len(tiles) >= MOST_TILES:
            raise BoardRefused(_("The board is full. Remove a tile first, then add this one."))
        if any(one["metric"] == metric and one["query"] == query for one in tiles):
            raise BoardRefused(_("This figure is on the board already."))
        return [*tiles, tile]

    return _changed(workspace, None, present, added, by)


@transaction.atomic
def move_tile(*, workspace: Workspace, number: int, by_places: int, version: int, present: Tiles, by: User) -> Board:
    """Move the tile at `number` (from 0) towards the front (negative) or the end."""

    def moved(tiles: Tiles) -> Tiles:
        tile = tiles.pop(_place(tiles, number))
        tiles.insert(max(number + by_places, 0), tile)
        return tiles

    return _changed(workspace, version, present, moved, by)


@transaction.atomic
def remove_tile(*, workspace: Workspace, number: int, version: int, present: Tiles, by: User) -> Board:
    def removed(tiles: Tiles) -> Tiles:
        tiles.pop(_place(tiles, number))
        return tiles

    return _changed(workspace, version, present, removed, by)


@transaction.atomic
def choose_automatically(*, workspace: Workspace, version: int, by: User) -> Board:
    """Forget the arrangement: the board shows again what there is data for."""
    return _changed(workspace, version, [], lambda tiles: None, by)


@transaction.atomic
def undo_change(*, workspace: Workspace, version: int, by: User) -> Board:
    """Take the last change back; as often as there are changes, up to MOST_UNDOS."""
    board = _locked(workspace, version)
    if not board.history:
        raise BoardRefused(_("There is no change to undo."))
    before = board.tiles
    board.tiles = board.history.pop()
    return _saved(board, "undid a change of", before, by)


def _locked(workspace: Workspace, version: int | None) -> Board:
    board, _created = Board.objects.select_for_update().get_or_create(workspace=workspace)
    if version is not None and board.version != version:
        raise BoardRefused(_("Somebody else changed the board meanwhile. Look at it again, then repeat your change."))
    return board


def _place(tiles: Tiles, number: int) -> int:
    if not 0 <= number < len(tiles):
        raise BoardRefused(_("There is no such tile any more. Look at the board again."))
    return number


def _changed(
    workspace: Workspace, version: int | None, present: Tiles, change: Callable[[Tiles], Tiles | None], by: User
) -> Board:
    board = _locked(workspace, version)
    before = board.tiles
    board.tiles = change([dict(tile) for tile in (present if before is None else before)])
    board.history = [*board.history, before][-MOST_UNDOS:]
    return _saved(board, "arranged", before, by)


def _saved(board: Board, verb: str, before: Tiles | None, by: User) -> Board:
    board.version += 1
    board.changed_by, board.changed_at = by, timezone.now()
    board.save()
    audit(verb, board, workspace=board.workspace, by=by, changes={"tiles": [before, board.tiles]})
    return board
