"""SurveyJS JSON into a Definition. Format: survey-core 3.1, https://surveyjs.io/form-library/documentation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from cxm.lib.conditions import Condition, text_of

from ..definition import Definition, Ending, Formula, Look, Page, Rule, Section
from .expressions import Field
from .report import Element, Imported, ImportRefused
from .surveyjs_names import PIPED, is_text, items_of
from .surveyjs_questions import Questions

LARGEST = 5_000_000  # bytes


def read_surveyjs(data: bytes | str | dict[str, Any], *, language: str = "en") -> Imported:
    """Raises ImportRefused when it is no SurveyJS survey at all. `language` is that of texts without one."""
    if isinstance(data, bytes | str):
        if len(data) > LARGEST:
            raise ImportRefused("too_large")
        try:
            data = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise ImportRefused("not_json", str(error)) from error
    if not isinstance(data, dict) or not any(
        isinstance(data.get(name), list) for name in ("pages", "elements", "questions")
    ):
        raise ImportRefused("not_a_survey")
    try:
        return _Reader(data, language).read()
    except RecursionError as error:
        raise ImportRefused("not_a_survey", "nested too deeply") from error


class _Reader(Questions):
    def read(self) -> Imported:
        survey = self.survey
        raw_pages = items_of(survey.take("pages"))
        loose = items_of(survey.take("elements", "questions"))
        if loose:
            raw_pages = [{"name": "page1", "elements": loose}, *raw_pages]
        self._calculated(items_of(survey.take("calculatedValues")))
        pages = [self._page(raw, number) for number, raw in enumerate(raw_pages, 1)]
        if survey.take("questionOrder", "questionsOrder") == "random":
            for page in pages:
                self._shuffle(page)
        title = self._text(survey.take("title"), survey.where)
        intro = self._text(survey.take("description"), survey.where)
        mode = survey.take("questionsOnPageMode")
        look = Look(
            logo=next(iter(self._text(survey.take("logo"), "survey").values()), ""),
            progress=survey.take("showProgressBar") not in (False, "off"),
            one_at_a_time=mode in ("questionPerPage", "inputPerPage"),
        )
        if mode == "singlePage":
            self.notes.add("survey", "questionsOnPageMode", "look", "look", mode)
        back = survey.take("showPrevButton") is not False
        self._triggers(items_of(survey.take("triggers")), pages)
        endings = self._endings()
        survey.take("sjsVersion", "$schema", "clearInvisibleValues")
        self._rest(survey)
        for finish in self.late:
            finish()
        definition = Definition(
            title=title or {self.first: "Survey"},
            languages=list(self.languages),
            pages=pages,
            intro=intro,
            rules=self.rules,
            endings=endings,
            variables=list(dict.fromkeys(rule.target for rule in self.rules if rule.do == "compute")),
            hidden=list(self.hidden),
            back=back,
            look=look,
        )
        return Imported(definition, self.notes.list)

    def _page(self, raw: Any, number: int) -> Page:
        element = Element(raw, str(raw.get("name") or f"page{number}") if isinstance(raw, dict) else f"page{number}")
        page = Page(
            self.pages.give(element.take("name"), f"page{number}"),
            title=self._text(element.take("title"), element.where),
        )
        said = self._text(element.take("description"), element.where)
        if said:
            page.sections.append(Section(self.sections.give(f"{page.id}_text", "text"), text=said))
        self._visible(element, page)
        order = element.take("questionOrder", "questionsOrder")
        page.sections += self._sections(items_of(element.take("elements", "questions")), page.id, None)
        if order == "random":
            self._shuffle(page)
        self._rest(element)
        return page

    def _shuffle(self, page: Page) -> None:
        """All of it, except in panels that keep theirs."""
        for section in page.sections:
            if section.id not in self.kept_orders:
                section.order = "random"
        if sum(bool(section.questions) for section in page.sections) > 1:
            page.order = "random"

    def _sections(self, raws: Iterable[Any], page: str, panel: Section | None) -> list[Section]:
        """Loose questions that follow each other make a section; each panel makes one, or several if it holds some."""
        made: list[Section] = []
        loose: Section | None = None
        for raw in raws:
            kind = raw.get("type") if isinstance(raw, dict) else None
            if kind == "panel":
                made += self._panel(raw, page, panel)
                loose = None
                continue
            questions = self._questions(raw, page)
            if not questions:
                continue
            if loose is None:
                loose = Section(self.sections.give(page, "section"))
                if panel is not None:
                    self._inherit(loose, panel)
                made.append(loose)
            loose.questions += questions
        return made

    def _panel(self, raw: Any, page: str, outer: Section | None) -> list[Section]:
        element = Element(raw, str(raw.get("name") or "panel"))
        section = Section(
            self.sections.give(element.take("name"), "panel"), title=self._text(element.take("title"), element.where)
        )
        section.text = self._text(element.take("description"), element.where)
        element.take("type")
        self._visible(element, section)
        order = element.take("questionOrder", "questionsOrder")
        if order == "random":
            section.order = "random"
        elif order == "initial":
            self.kept_orders.add(section.id)
        inner = self._sections(items_of(element.take("elements", "questions")), page, section)
        self._rest(element)
        if outer is not None:
            self._inherit(section, outer)
        if not inner:
            return []
        first = inner[0]
        if not first.title and not first.text:
            section.questions = first.questions
            section.order = "random" if "random" in (section.order, first.order) else "as_is"
            return [section, *inner[1:]]
        return [section, *inner] if section.text else inner

    def _inherit(self, section: Section, outer: Section) -> None:
        """A section in a panel is shown only where the panel is: put together when both conditions are known."""

        def finish() -> None:
            if outer.show is not None:
                section.show = outer.show if section.show is None else Condition(all=(outer.show, section.show))

        self.late.append(finish)

    def _triggers(self, raws: list[Any], pages: list[Page]) -> None:
        places = {page.id: page for page in pages}
        for number, raw in enumerate(raws, 1):
            element = Element(raw, f"trigger {number}")
            kind = str(element.take("type") or "").removesuffix("trigger")
            expression = element.take("expression")
            if not expression and element.data.get("operator"):
                name, value = element.take("name"), element.take("value")
                quoted = (
                    text_of(value) if isinstance(value, int | float) else "'" + text_of(value).replace("'", "\\'") + "'"
                )
                operator = str(element.take("operator"))
                expression = f"{{{name}}} {operator}" + ("" if operator in ("empty", "notempty") else f" {quoted}")
            if kind == "complete":
                self._when(expression, element.where, "complete", self._rule(f"complete_{number}", "end"))
            elif kind == "skip":
                self._skip(element, expression, number)
            elif kind == "visible":
                self._show(element, expression, places)
            elif kind == "setvalue" and element.take("isVariable") is True:
                self._set(element, expression, number)
            else:
                self.notes.add(element.where, kind or "trigger", "no_counterpart", "logic", raw)
                continue
            self._rest(element)

    def _rule(self, id_: str, do: Any, target: str = "", formula: Formula | None = None) -> Callable[[Condition], None]:
        return lambda condition: self.rules.append(Rule(id_, do, condition, target=target, formula=formula))

    def _skip(self, element: Element, expression: Any, number: int) -> None:
        name = text_of(element.take("gotoName") or "")

        def put(condition: Condition) -> None:
            if name not in self.page_of:
                self.notes.add(element.where, "skip", "broken", "logic", name)
                return
            self.rules.append(Rule(f"skip_{number}", "skip", condition, target=self.page_of[name]))
            self.notes.add(element.where, "skip", "approximated", "logic", name)  # to the page, when the page is left

        self._when(expression, element.where, "skip", put)

    def _show(self, element: Element, expression: Any, places: dict[str, Page]) -> None:
        pages, questions = items_of(element.take("pages")), items_of(element.take("questions"))

        def put(condition: Condition) -> None:
            for name in (*pages, *questions):
                target = places.get(str(name)) if name in pages else self.questions.get(str(name))
                if target is None:
                    self.notes.add(element.where, "visible", "broken", "logic", name)
                else:
                    target.show = condition

        self._when(expression, element.where, "visible", put)

    def _set(self, element: Element, expression: Any, number: int) -> None:
        name, value = text_of(element.take("setToName") or ""), element.take("setValue")
        id_ = re.sub(r"[^0-9A-Za-z_-]+", "_", name).strip("_")
        if not id_ or not is_text(value) or isinstance(value, bool):
            self.notes.add(element.where, "setvalue", "no_counterpart", "logic", value)
            return
        self.fields.setdefault(name.lower(), Field(f"variable.{id_}"))
        formula = Formula("value", [value if isinstance(value, str) else float(value)])
        self._when(expression, element.where, "setvalue", self._rule(f"set_{number}", "compute", id_, formula))

    def _endings(self) -> list[Ending]:
        survey, endings = self.survey, []
        links = items_of(survey.take("navigateToUrlOnCondition"))
        for number, raw in enumerate(items_of(survey.take("completedHtmlOnCondition")), 1):
            endings.append(self._ending(Element(raw, f"completedHtmlOnCondition {number}"), f"ending_{number}"))
        for number, raw in enumerate(links, 1):
            endings.append(self._ending(Element(raw, f"navigateToUrlOnCondition {number}"), f"link_{number}"))
        last = self._text(survey.take("completedHtml"), "completedHtml")
        link = text_of(survey.take("navigateToUrl") or "")
        if last or link:
            endings.append(Ending("completed", last, link=link, redirect=bool(link)))
            if link and any("{" in one for one in [link]):
                endings[-1].link = PIPED.sub(lambda found: self._piped(found[1]) or found[0], link)
        return endings

    def _ending(self, element: Element, id_: str) -> Ending:
        link = next(iter(self._text(element.take("url"), element.where).values()), "")
        ending = Ending(id_, self._text(element.take("html"), element.where), link=link, redirect=bool(link))
        ending.when = Condition(any=())

        def put(condition: Condition) -> None:
            ending.when = condition

        self._when(element.take("expression"), element.where, "expression", put)
        self._rest(element)
        return ending
