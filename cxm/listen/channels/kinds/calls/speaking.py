"""Who of a call is the customer, and what the customer said."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Literal

from .transcripts import Segment, Transcript

Role = Literal["customer", "agent", ""]

# Words by which telephone systems and people name the two sides, in the product's languages.
OURS = re.compile(
    r"agent|operator|support|advis[eo]r|representative|\brep\b|assistant|system|\bbot\b|ivr|konsultant|pracownik|"
    r"doradca|оператор|агент|консультант|сотрудник|працівник|спеціаліст|客服|專員|专员",
    re.IGNORECASE,
)
THEIRS = re.compile(
    r"customer|client|caller|guest|user|klient|dzwoniący|клиент|клієнт|абонент|顧客|客戶|客户", re.IGNORECASE
)


def roles(transcript: Transcript, customer: Collection[str] = (), agents: Collection[str] = ()) -> dict[str, Role]:
    """The role of each speaker; empty where nobody can tell.

    What a person said goes first (`customer`, `agents`: speakers as the transcript names them, or numbers of them
    from 1 by who speaks first). Then the names; with two speakers, one that is known makes the other; one alone is the
    customer who left a message.
    """
    speakers = transcript.speakers
    theirs, mine = _meant(customer, speakers), _meant(agents, speakers)
    found: dict[str, Role] = {}
    for one in speakers:
        if one in theirs or one in mine:
            found[one] = "customer" if one in theirs else "agent"
        elif not theirs and not mine:
            found[one] = "customer" if THEIRS.search(one) else "agent" if OURS.search(one) else ""
        else:
            found[one] = ""
    if len(speakers) == 1 and speakers[0] not in mine:
        found[speakers[0]] = "customer"
    known = set(found.values()) - {""}
    if len(known) == 1:
        other: Role = "agent" if known == {"customer"} else "customer"
        unknown = [one for one, role in found.items() if not role]
        if theirs or len(unknown) == 1:  # whoever else speaks beside the customer that a person named is ours
            found |= dict.fromkeys(unknown, other)
    return found


def _meant(said: Collection[str], speakers: list[str]) -> set[str]:
    folded = {one.casefold(): one for one in speakers}
    meant = set()
    for one in said:
        one = one.strip()
        if one.casefold() in folded:
            meant.add(folded[one.casefold()])
        elif one.isdecimal() and len(one) < 4 and 0 < int(one) <= len(speakers):
            meant.add(speakers[int(one) - 1])
    return meant


def words_of(transcript: Transcript, found: dict[str, Role]) -> str:
    """What the customer said; everything, where nobody can tell who the customer is."""
    theirs = [one.text for one in transcript.segments if found.get(one.speaker) == "customer"]
    return "\n".join(theirs or (one.text for one in transcript.segments))


def turns(transcript: Transcript, found: dict[str, Role]) -> list[dict[str, Any]]:
    """As a message keeps them and its page shows them: consecutive segments of one speaker are one turn."""
    made: list[dict[str, Any]] = []
    for one in transcript.segments:
        if made and made[-1]["speaker"] == one.speaker and len(made[-1]["text"]) < 600 and not _apart(made[-1], one):
            made[-1]["text"] += f" {one.text}"
            made[-1]["end_s"] = one.end_s
        else:
            made.append(
                {"speaker": one.speaker, "role": found.get(one.speaker, ""), "start_s": one.start_s,
                 "end_s": one.end_s, "text": one.text}
            )  # fmt: skip
    return made


def _apart(turn: dict[str, Any], segment: Segment) -> bool:
    end = turn["end_s"]
    return end is not None and segment.start_s is not None and segment.start_s - end >= 10.0
