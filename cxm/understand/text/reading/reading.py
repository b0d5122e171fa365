"""What is read out of one text."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (excluded) of the text as it came."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Tag:
    """One thing that a text says, and the words that say it.

    `kind` is sentiment, emotion, intent, effort, urgency, touchpoint or topic; `score` is the probability in [0, 1],
    of a sentiment its strength in [-1, 1].
    """

    kind: str
    name: str
    score: float
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    start: int
    end: int
    language: str
    sentiment: str
    score: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One text as it was understood.

    `language` is en, ru, uk, pl, zh, other, or empty where there are no words; `script` is Hans or Hant, of Chinese
    only. Only the five languages are `supported`; of others nothing else is said. `sentiment` is negative, neutral,
    positive, mixed or empty; `score` in [-1, 1] is its calibrated strength. `emotion` is anger, disgust, fear, joy,
    sadness, surprise, none or empty; `intent` is complaint, praise, suggestion, question, request, leaving or empty.
    """

    language: str = ""
    script: str = ""
    supported: bool = False
    sentiment: str = ""
    score: float = 0.0
    emotion: str = ""
    intent: str = ""
    effort: bool = False
    urgent: bool = False
    sentences: tuple[Sentence, ...] = ()
    tags: tuple[Tag, ...] = ()
    model: str = ""  # the version of the weights
    emotions: dict[str, float] = field(default_factory=dict)

    @property
    def is_deep(self) -> bool:
        """Whether both tiers have read its sentiment."""
        return "+" in self.model
