"""What the tests of results start from: a survey with a question of every kind, and answers worked out by hand."""

from __future__ import annotations

from cxm.accounts.models import Workspace
from cxm.listen.surveys.definition import Choice, Question
from cxm.listen.surveys.models import Survey
from cxm.testing.answered import answered_many, make_survey


def choices(*names: str) -> list[Choice]:
    return [Choice(id=name, label={"en": name.title(), "uk": f"{name.title()} (укр)"}) for name in names]


NPS = Question(id="nps", kind="nps", title={"en": "Would you recommend us?", "uk": "Чи порадите нас?"})
WHY = Question(id="why", kind="long_text", title={"en": "Why?"}, explains="nps")
PLAN = Question(
    id="plan", kind="single", title={"en": "Which plan?", "uk": "Який тариф?"}, choices=choices("free", "paid")
)
USES = Question(
    id="uses", kind="multiple", title={"en": "What do you use?"},
    choices=[*choices("mail", "chat"), Choice(id="else", label={"en": "Something else"}, other=True)],
)  # fmt: skip
EVERY_KIND = (
    NPS,
    WHY,
    Question(id="csat", kind="csat", title={"en": "Satisfied?"}),
    Question(id="ces", kind="ces", title={"en": "Easy?"}),
    Question(id="stars", kind="rating", title={"en": "Stars"}),
    Question(id="slide", kind="slider", title={"en": "Slide"}),
    Question(id="again", kind="yes_no", title={"en": "Again?"}),
    Question(id="thumb", kind="thumbs", title={"en": "Thumb"}),
    PLAN,
    Question(id="drop", kind="dropdown", title={"en": "Country"}, choices=choices("ua", "pl")),
    USES,
    Question(id="pic", kind="picture", title={"en": "Picture"}, choices=choices("cat", "dog")),
    Question(
        id="agree", kind="matrix", title={"en": "Agree?"}, rows=choices("price", "speed"),
        choices=[Choice(id=f"c{n}", label={"en": f"Agree {n}"}, score=n) for n in (1, 2, 3)],
    ),
    Question(
        id="grid", kind="matrix", title={"en": "Grid"}, rows=choices("am", "pm"), choices=choices("tea", "coffee")
    ),
    Question(id="rank", kind="ranking", title={"en": "Rank"}, choices=choices("x", "y", "z")),
    Question(id="sum", kind="constant_sum", title={"en": "Share out"}, choices=choices("p", "q"), total=100),
    Question(id="max", kind="maxdiff", title={"en": "Best and worst"}, choices=choices("k", "l", "m")),
    Question(id="short", kind="short_text", title={"en": "A word"}),
    Question(id="count", kind="number", title={"en": "How many?"}),
    Question(id="mail", kind="email", title={"en": "E-mail"}),
    Question(id="tel", kind="phone", title={"en": "Phone"}),
    Question(id="site", kind="url", title={"en": "Site"}),
    Question(id="day", kind="date", title={"en": "Day"}),
    Question(id="paper", kind="file", title={"en": "File"}),
    Question(id="ok", kind="consent", title={"en": "May we write?"}),
    Question(id="note", kind="statement", title={"en": "Thanks"}),
    Question(id="who", kind="contact", title={"en": "You"}, choices=choices("name", "email")),
)  # fmt: skip
FULL = {
    "nps": 9, "why": "Fast & friendly", "csat": 5, "ces": 6, "stars": 4, "slide": 70, "again": True, "thumb": False,
    "plan": "paid", "drop": "ua", "uses": ["mail", "else"], "uses.other": "fax", "pic": ["cat"],
    "agree": {"price": "c3", "speed": "c1"}, "grid": {"am": "tea", "pm": "coffee"}, "rank": ["y", "x", "z"],
    "sum": {"p": 60, "q": 40}, "max": [{"best": "k", "worst": "m"}, {"best": "k", "worst": "l"}], "short": "Kettle",
    "count": 3, "mail": "ada@example.com", "tel": "+380 44 000", "site": "https://example.com", "day": "2026-02-01",
    "paper": [{"name": "bill.pdf", "size": 10, "type": "application/pdf", "key": "k"}], "ok": True,
    "who": {"name": "Ada", "email": "ada@example.com"},
}  # fmt: skip


def given_two_waves(workspace: Workspace) -> Survey:
    """March: 12 promoters, 4 passives, 4 detractors; May: 2, 4 and 14. Who pays recommends: see the counts below."""
    survey = make_survey(workspace, NPS, WHY, PLAN, USES, languages=("en", "uk"))
    march = [{"nps": 10, "plan": "paid", "uses": ["mail"]}] * 10 + [
        {"nps": 9, "plan": "free", "uses": ["mail", "chat"]}
    ] * 2
    march += [{"nps": 8, "plan": "free"}] * 4 + [{"nps": 3, "plan": "free", "uses": ["chat"]}] * 4
    may = [{"nps": 10, "plan": "paid"}] * 2 + [{"nps": 7}] * 4 + [{"nps": 0, "plan": "free"}] * 14
    answered_many(survey, march, "2026-03-10 12:00", seconds=60)
    answered_many(survey, may, "2026-05-10 12:00", seconds=120, channel="email")
    return survey
