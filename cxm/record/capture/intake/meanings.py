"""Events whose meaning is agreed: an order is an order, a review is feedback, whatever the sender calls it.

Names and properties: Segment's semantic events (https://segment.com/docs/connections/spec/semantic/) and PostHog's
survey events. The log's own names are in docs/reference/events.md; what came is kept below `properties`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ..reasons import Reason
from .arriving import Event, Refused

Properties = dict[str, Any]
_object = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode
SCALES = {"nps": "0-10", "csat": "1-5", "ces": "1-7", "rating": "1-5"}
OWN = frozenset({"type", "metric", "scale"})


def meaning(event: Event) -> None:
    """Give an event of a known meaning the log's name and properties. Raises Refused."""
    try:
        came = _object.decode(event.properties)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refused(Reason.INVALID_FIELD, str(error)[:200]) from error
    name, convert = MEANINGS[event.name.lower()]
    event.properties = _encode(convert(came, event))
    event.name = name


def number(value: object) -> float | None:
    """A number that may have come as text (`"5"`), as Segment sends ratings."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        found = float(str(value).strip().replace(",", "."))
    except ValueError:
        return None
    return found if -1e12 < found < 1e12 else None


def text(value: object) -> str:
    return str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""


def _order(came: Properties, event: Event) -> Properties:
    """Money without a currency is in US dollars: https://segment.com/docs/connections/spec/track/#properties."""
    amounts = (number(came.get(key)) for key in ("total", "revenue", "value", "amount"))
    amount = next((one for one in amounts if one is not None), None)
    return {
        "order_id": text(came.get("order_id")),
        **({} if amount is None else {"amount": amount}),
        **({} if amount is None else {"currency": text(came.get("currency")) or "USD"}),
        "channel": text(came.get("channel")),
        "properties": came,
    }


def _review(came: Properties, event: Event) -> Properties:
    return _answer_of(
        metric="rating", question="product", survey="", score=number(came.get("rating")),
        comment=text(came.get("review_body")), response_id=text(came.get("review_id")), came=came,
    )  # fmt: skip


def _survey(came: Properties, event: Event) -> Properties:
    metric = text(came.get("metric")).lower()
    score = number(came.get("value"))
    comment = text(came.get("comment"))
    if score is None and not comment:
        comment = text(came.get("value"))
    return _answer_of(
        metric=metric or ("rating" if score is not None else "text"), question=text(came.get("question_id")),
        survey=text(came.get("survey_id")), score=score, comment=comment, response_id=text(came.get("response_id")),
        came=came,
    )  # fmt: skip


def _posthog_survey(came: Properties, event: Event) -> Properties:
    """The first answer that is a number is the score, the first that is none the comment."""
    answers = {
        key.removeprefix("$survey_response").removeprefix("_"): value
        for key, value in came.items() if key.startswith("$survey_response") and value not in (None, "", [])
    }  # fmt: skip
    score_of = next((key for key, value in answers.items() if number(value) is not None), None)
    score = number(answers[score_of]) if score_of is not None else None
    comment = next((str(value) for value in answers.values() if number(value) is None), "")
    return _answer_of(
        metric=text(came.get("metric")).lower() or ("rating" if score is not None else "text"),
        question=score_of or "", survey=text(came.get("$survey_id")), score=score, comment=comment,
        response_id=text(came.get("$survey_submission_id")), came=came,
    )  # fmt: skip


def _answer_of(
    *, metric: str, question: str, survey: str, score: float | None, comment: str, response_id: str, came: Properties
) -> Properties:
    if metric not in {*SCALES, "text"}:
        metric = "rating"
    scale = text(came.get("scale")) or SCALES.get(metric, "")
    return {
        "metric": metric,
        "question": question,
        "survey": survey,
        **({"score": score, "scale": scale} if score is not None else {}),
        "comment": comment,
        "response_id": response_id,
        "channel": text(came.get("channel")),
        "touchpoint": text(came.get("touchpoint")),
        "language": text(came.get("language")),
        "properties": came,
    }


def _own(came: Properties, event: Event) -> Properties:
    """Our own names in our own form: what is nested must be an object for the derived table."""
    if "properties" in came and not isinstance(came["properties"], dict):
        came["properties"] = {}
    return came


def _as_it_came(came: Properties, event: Event) -> Properties:
    return came


Convert = Callable[[Properties, Event], Properties]
MEANINGS: Mapping[str, tuple[str, Convert]] = {
    "order completed": ("order_placed", _order),
    "order cancelled": ("order_cancelled", _order),
    "order refunded": ("order_refunded", _order),
    "product reviewed": ("answer_given", _review),
    "survey answered": ("answer_given", _survey),
    "survey sent": ("answer_given", _posthog_survey),
    "survey shown": ("survey_shown", _as_it_came),
    "survey dismissed": ("survey_dismissed", _as_it_came),
    "email delivered": ("email_delivered", _as_it_came),
    "email opened": ("email_opened", _as_it_came),
    "email link clicked": ("email_link_clicked", _as_it_came),
    "email bounced": ("email_bounced", _as_it_came),
    "email marked as spam": ("email_marked_as_spam", _as_it_came),
    "unsubscribed": ("email_unsubscribed", _as_it_came),
    "live chat conversation started": ("chat_started", _as_it_came),
    "live chat conversation ended": ("chat_ended", _as_it_came),
    "live chat message sent": ("chat_message_sent", _as_it_came),
    "live chat message received": ("chat_message_received", _as_it_came),
    "product viewed": ("product_viewed", _as_it_came),
    **{
        name: (name, _own)
        for name in (
            "answer_given", "ticket_updated", "order_placed", "order_approved", "order_shipped", "order_delivered",
            "order_cancelled", "subscription_updated", "purchase_history_reported",
        )
    },
}  # fmt: skip
CONSENT_EVENTS = frozenset({"consent updated", "consent preference updated", "segment consent preference updated"})
