"""QSF, the file that Qualtrics exports a survey in, into a Definition. JSON: `SurveyEntry`, `SurveyElements` by kind.

The format is not published; what is read here was seen in exports in public repositories (see the test). Blocks,
divided at their page breaks and after questions with skip logic, become pages; the flow of the survey orders them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from cxm.lib.conditions import Condition, text_of

from ..definition import Carry, Definition, Ending, Formula, Look, Page, Question, Quota, Rule, Section
from .expressions import Unsaid
from .qsf_logic import condition_of_logic, located
from .qsf_questions import Questions
from .reading import all_of, both, name_of_field
from .report import Element, Imported, ImportRefused
from .surveyjs_names import is_text, items_of, number_in

# Elements that say nothing about the questionnaire: preview link, counts, response sets, statistics, project.
BOOKKEEPING = frozenset({"PL", "QC", "RS", "STAT", "PROJ", "QG", "QGO"})
DEEPEST = 50
OFF: tuple[Any, ...] = (None, False, "", "false", "None", "OFF", "No", [], {})
# What a node of the flow, an embedded datum, a skip and a quota may hold beside what is read of them.
OF_FLOW = ("Type", "ID", "FlowID", "Description", "Flow", "BranchLogic", "SubSet", "EmbeddedData", "Options",
           "Properties", "EndingType")  # fmt: skip
OF_DATUM = ("Field", "Value", "Type", "Description", "VariableType", "DataVisibility", "AnalyzeText")
OF_SKIP = ("ChoiceLocator", "Locator", "Condition", "Value", "SkipToDestination", "SkipToDescription", "SkipLogicID",
           "Description", "QuestionID", "Type")  # fmt: skip
OF_QUOTA = ("Name", "Occurrences", "Logic", "QuotaAction", "ID", "Count", "LogicType", "QuotaRealm")
# Options of a survey that change what people see, with their weight; the others are named together.
OPTIONS: dict[str, Any] = {
    "EOSMessage": "content", "Header": "content", "Footer": "content", "ValidationMessage": "content",
    "CustomStyles": "look", "SurveyExpiration": "content", "Password": "logic", "AnonymizeResponse": "logic",
    "BallotBoxStuffingPrevention": "logic", "RecaptchaV3": "logic",
}  # fmt: skip


def is_qsf(data: Any) -> bool:
    return isinstance(data, dict) and "SurveyElements" in data


def read_qsf(data: Any, *, language: str = "en") -> Imported:
    """Raises ImportRefused. `language` is that of texts when the file does not name one."""
    if not is_qsf(data):
        raise ImportRefused("not_qsf")
    entry = data.get("SurveyEntry")
    entry = entry if isinstance(entry, dict) else {}
    elements = [one for one in _listed(data.get("SurveyElements")) if isinstance(one, dict)]
    if not any(one.get("Element") == "SQ" and isinstance(one.get("Payload"), dict) for one in elements):
        raise ImportRefused("not_qsf")
    try:
        return _Reader(entry, elements, text_of(entry.get("SurveyLanguage") or "") or language).read()
    except RecursionError as error:
        raise ImportRefused("not_qsf", "nested too deeply") from error


def _skips(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for one in items_of(block.get("BlockElements")):
        if isinstance(one, dict):
            yield from (skip for skip in items_of(one.get("SkipLogic")) if isinstance(skip, dict))


def _listed(node: Any) -> list[Any]:
    """A list; older files have an object with numbers for keys."""
    return list(node.values()) if isinstance(node, dict) else items_of(node)


class _Reader(Questions):
    def __init__(self, entry: dict[str, Any], elements: list[dict[str, Any]], language: str) -> None:
        super().__init__(language)
        self.entry = entry
        self.by_kind: dict[str, list[dict[str, Any]]] = {}
        for one in elements:
            self.by_kind.setdefault(text_of(one.get("Element") or ""), []).append(one)
        self.payloads: dict[str, dict[str, Any]] = {
            text_of(one.get("PrimaryAttribute") or ""): one["Payload"]
            for one in self.by_kind.get("SQ", [])
            if isinstance(one.get("Payload"), dict)
        }
        self.made: list[Page] = []
        self.page_of: dict[str, Page] = {}  # QID -> page
        self.after_block: dict[str, int] = {}  # QID -> how many pages there are when its block ends
        self.endings: list[Ending] = []
        self.quotas: list[Quota] = []
        self.constant: set[str] = set()  # embedded data that the flow gives a value to
        self.blocks: dict[str, dict[str, Any]] = {}
        self.used: set[str] = set()
        self.skips: list[tuple[str, dict[str, Any]]] = []
        self.ended: list[list[Any]] = []  # the branches around each end of the survey before the page that is read
        self.destinations: set[str] = set()  # questions that skip logic leads to: each begins a page, to be reached

    def read(self) -> Imported:
        for one in self.by_kind.get("BL", []):
            for block in _listed(one.get("Payload")):
                if isinstance(block, dict) and block.get("ID"):
                    self.blocks[text_of(block["ID"])] = block
                    self.destinations |= {text_of(one.get("SkipToDestination") or "") for one in _skips(block)}
        flows = [one.get("Payload") for one in self.by_kind.get("FL", [])]
        flow = next((one["Flow"] for one in flows if isinstance(one, dict) and items_of(one.get("Flow"))), None)
        if flow is None:  # a file of blocks only: in their order
            flow = [{"Type": "Block", "ID": id_} for id_, one in self.blocks.items() if one.get("Type") != "Trash"]
        if not flow:
            flow = [{"Type": "Block", "ID": "all"}]
            self.blocks["all"] = {"BlockElements": [{"Type": "Question", "QuestionID": one} for one in self.payloads]}
        self._embedded_values(flow, 0)
        self._flow(flow, [], 0)
        self._skip_rules()
        self._left_out()
        title = self.text({self.first: text_of(self.entry.get("SurveyName") or "Survey")}, "survey")
        definition = Definition(title or {self.first: "Survey"}, [self.first], self.made)
        self._options(definition)
        self._quotas()
        definition = self.settle(definition)
        definition.endings, definition.quotas = self.endings, self.quotas
        return Imported(definition, self.notes.list)

    # The flow: blocks, branches, randomizers, embedded data, ends

    def _embedded_values(self, flow: Any, depth: int) -> None:
        """Which embedded data are variables: those that the flow gives a value to. The others come from outside."""
        for node in items_of(flow) if depth < DEEPEST else []:
            if isinstance(node, dict):
                for one in items_of(node.get("EmbeddedData")):
                    if isinstance(one, dict) and one.get("Value") not in (None, ""):
                        self.constant.add(text_of(one.get("Field") or ""))
                self._embedded_values(node.get("Flow"), depth + 1)

    def _flow(self, flow: Any, whens: list[Any], depth: int) -> None:
        """`whens` are the branches around."""
        if depth >= DEEPEST:
            self.notes.add("flow", "nested too deeply", "broken", "logic")
            return
        for node in items_of(flow):
            if not isinstance(node, dict):
                self.notes.add("flow", "element", "broken", "logic", node)
                continue
            kind, where = text_of(node.get("Type") or ""), text_of(node.get("FlowID") or "flow")
            if [] in self.ended:
                self.notes.add(where, f"{kind} after the end of the survey", "broken", "look")
                continue
            self._beside(node, where, *OF_FLOW)
            if kind in ("Block", "Standard"):
                self._block(text_of(node.get("ID") or ""), whens, where)
            elif kind == "Branch":
                self._condition(node.get("BranchLogic"), where, "branch")
                self._flow(node.get("Flow"), [*whens, node.get("BranchLogic")], depth + 1)
            elif kind == "BlockRandomizer":
                self.notes.add(where, f"BlockRandomizer, {node.get('SubSet')} of {len(items_of(node.get('Flow')))}",
                               "no_counterpart", "logic")  # fmt: skip
                self._flow(node.get("Flow"), whens, depth + 1)
            elif kind == "Group":
                self._flow(node.get("Flow"), whens, depth + 1)
            elif kind == "EmbeddedData":
                self._embedded(items_of(node.get("EmbeddedData")), whens, where)
            elif kind == "EndSurvey":
                self._end(node, whens, where)
            else:
                self.notes.add(where, kind or "element", "no_counterpart", "logic", node)
                self._flow(node.get("Flow"), whens, depth + 1)

    def _beside(self, node: Any, where: str, *known: str) -> None:
        """Names what an object holds beside this."""
        element = Element(node, where)
        element.take(*known)
        self._rest(element)

    def _branch(self, whens: list[Any]) -> Condition:
        """What must hold for all the branches around. Raises Unsaid."""
        return all_of(condition_of_logic(one, self.locate, self.embedded) for one in whens)

    def _under(self, whens: list[Any], where: str, what: str, put: Callable[[Condition | None], None]) -> None:
        """Under the branches around, or without any."""
        if whens:
            self.when(partial(self._branch, whens), where, what, put)
        else:
            self.late.append(partial(put, None))

    def _block(self, id_: str, whens: list[Any], where: str) -> None:
        block = self.blocks.get(id_)
        if block is None:
            self.notes.add(where, f"Block {id_}", "broken", "content")
            return
        name = text_of(block.get("Description") or id_)
        if id_ in self.used:
            self.notes.add(name, "Block", "repeated", "logic")
            return
        self.used.add(id_)
        self._beside(block, name, "Type", "SubType", "Description", "ID", "BlockElements", "Options")
        first, section = len(self.made), self._page(name)
        order = self._block_options(block, name)
        asked: list[str] = []
        for one in items_of(block.get("BlockElements")):
            if not isinstance(one, dict):
                continue
            if one.get("Type") == "Page Break":
                self._rest(Element({key: value for key, value in one.items() if key != "Type"}, f"{name} · page break"))
                section = self._page(name)
                continue
            qid = text_of(one.get("QuestionID") or "")
            if one.get("Type") != "Question" or qid not in self.payloads:
                self.notes.add(name, text_of(one.get("Type") or "element"), "broken", "content", one)
                continue
            if qid in self.destinations and section.questions:
                section = self._page(name)
            self.page_of[qid] = self.made[-1]
            asked.append(qid)
            section.order = order
            section.questions += self.questions_of(self.payloads.pop(qid), qid)
            self._beside(one, self.name_of(qid), "Type", "QuestionID", "SkipLogic")
            skips = [skip for skip in items_of(one.get("SkipLogic")) if isinstance(skip, dict)]
            if skips:
                self.skips += [(qid, skip) for skip in skips]
                section = self._page(name)
        self.after_block |= dict.fromkeys(asked, len(self.made))
        for page in self.made[first:]:
            self._under(whens, name, "branch", partial(_show, page))
            for one in self.ended:
                self._under(one, name, "EndSurvey before it", partial(_show, page, but=True))

    def _page(self, name: str) -> Section:
        page = Page(self.pages.give(name, "page"))
        page.sections.append(Section(self.sections.give(page.id, "section")))
        self.made.append(page)
        return page.sections[0]

    def _block_options(self, block: dict[str, Any], name: str) -> Any:
        options = Element(block.get("Options"), name)
        options.take("BlockLocking", "BlockVisibility")
        random = options.take("RandomizeQuestions")
        options.take("Randomization")
        if options.take("Looping") in OFF:
            options.take("LoopingOptions")
        else:
            self.notes.add(name, "loop and merge", "repeated", "logic")
        self._rest(options)
        if random in OFF:
            return "as_is"
        if random != "RandomWithXPerPage":
            self.notes.add(name, f"RandomizeQuestions {random}", "approximated", "logic")
        return "random"

    def _embedded(self, data: list[Any], whens: list[Any], where: str) -> None:
        for one in data:
            field = text_of(one.get("Field") or "") if isinstance(one, dict) else ""
            name = name_of_field(field)
            self._beside(one, field or where, *OF_DATUM)
            if not name:
                self.notes.add(where, "EmbeddedData", "broken", "logic", one)
            elif one.get("Value") in (None, ""):
                if field not in self.constant:
                    self.hidden.setdefault(name, None)
            else:
                self._under(whens, field, "branch", partial(self._computed, name, text_of(one["Value"]), field))

    def _computed(self, name: str, value: str, where: str, condition: Condition | None) -> None:
        number = number_in(value)
        of: float | str = number if number is not None else value
        if "${" in value or "$e{" in value:
            of = self.pipe(value, where)
            if not re.fullmatch(r"\{[^{}]+\}", of):
                self.notes.add(where, "EmbeddedData", "expression", "logic", value)
                return
        id_ = self.others.give(f"compute_{name}", "compute")
        self.rules.append(Rule(id_, "compute", condition, target=name, formula=Formula("value", [of])))

    def _end(self, node: dict[str, Any], whens: list[Any], where: str) -> None:
        """Under a branch, the pages that follow are shown to the others only; else nothing follows."""
        options = Element(node.get("Options"), where)
        options.take("Advanced")
        if (kind := node.get("EndingType")) not in ("Default", "Advanced", *OFF):
            self.notes.add(where, f"EndingType {kind}", "no_counterpart", "content")
        how, link = options.take("SurveyTermination"), options.take("EOSRedirectURL")
        if how == "Redirect" and is_text(link):
            ending = Ending(self.others.give("ending", "ending"), {}, link=self.pipe(text_of(link), where))
            ending.redirect = True
            self._under(whens, where, "EndSurvey", partial(self._add_ending, ending))
        elif how not in OFF and how != "DefaultMessage":
            self.notes.add(where, text_of(how), "no_counterpart", "content")
        self._rest(options)
        self.ended.append(whens)

    def _add_ending(self, ending: Ending, condition: Condition | None) -> None:
        ending.when = condition
        self.endings.append(ending)

    # Skip logic, quotas, options

    def _skip_rules(self) -> None:
        for qid, skip in self.skips:
            where, to = self.name_of(qid), text_of(skip.get("SkipToDestination") or "")
            locator = text_of(skip.get("ChoiceLocator") or skip.get("Locator") or "")
            self._beside(skip, where, *OF_SKIP)
            here = self.made.index(self.page_of[qid])
            rule = Rule(self.others.give(f"skip_{where}", "skip"), "skip", after=self.made[here].id)
            last = self.after_block.get(qid, len(self.made))
            target = self.made.index(self.page_of[to]) if to in self.page_of else last if to == "ENDOFBLOCK" else None
            if to == "ENDOFSURVEY" or (to == "ENDOFBLOCK" and target == len(self.made)):
                rule.do = "end"
            elif target is None or target <= here:
                self.notes.add(where, f"skip to {to}", "broken", "logic")
                continue
            else:
                rule.target = self.made[target].id
            make = partial(located, locator, text_of(skip.get("Condition") or ""), skip.get("Value"), self.locate)
            self.when(make, where, f"skip to {to}", partial(self._add_rule, rule))

    def _add_rule(self, rule: Rule, condition: Condition) -> None:
        rule.when = condition
        self.rules.append(rule)

    def _quotas(self) -> None:
        for element in self.by_kind.get("QO", []):
            raw = element.get("Payload")
            payload = Element(raw, text_of(raw.get("Name") or "quota") if isinstance(raw, dict) else "quota")
            limit, logic = number_in(payload.take("Occurrences")), payload.take("Logic")
            action = payload.take("QuotaAction")
            if not limit or logic in OFF or action != "EndSurvey":
                self.notes.add(payload.where, f"quota {action or ''}".strip(), "no_counterpart", "logic", raw)
                continue
            self._beside(raw, payload.where, *OF_QUOTA)
            quota = Quota(self.others.give(payload.where, "quota"), payload.where, int(limit))
            make = self._condition(logic, payload.where, "quota")
            self.when(make, payload.where, "quota", partial(self._add_quota, quota))

    def _add_quota(self, quota: Quota, condition: Condition) -> None:
        quota.when = condition
        self.quotas.append(quota)

    def _left_out(self) -> None:
        """Questions that the flow does not reach, and elements that we have nothing for."""
        for qid, payload in self.payloads.items():
            where = text_of(payload.get("DataExportTag") or qid)
            self.notes.add(where, "unused question", "no_counterpart", "look", payload.get("QuestionText") or "")
        for kind, elements in self.by_kind.items():
            if kind in BOOKKEEPING or kind in ("SQ", "BL", "FL", "SO", "QO"):
                continue
            for one in elements:
                content = one.get("Payload")
                if kind == "SCO" and isinstance(content, dict) and content.get("ScoringCategories") in OFF:
                    continue
                if content not in OFF:
                    name = text_of(one.get("PrimaryAttribute") or "survey")
                    self.notes.add(name, f"element {kind}", "no_counterpart", "content", content)

    def _options(self, definition: Definition) -> None:
        raws = [one.get("Payload") for one in self.by_kind.get("SO", [])]
        options = Element(raws[0] if raws else None, "survey")
        definition.back = options.take("BackButton") in (True, "true")
        definition.look = Look(progress=options.take("ProgressBarDisplay") not in OFF)
        title = options.take("SurveyTitle")
        if is_text(title) and not text_of(title).startswith("Qualtrics Survey"):  # of every survey
            definition.title = self.text({self.first: text_of(title)}, "survey") or definition.title
        if says := self.entry.get("SurveyDescription"):
            self.notes.add("survey", "description", "no_counterpart", "look", says)
        how, link = options.take("SurveyTermination"), options.take("EOSRedirectURL")
        if how == "Redirect" and is_text(link):
            last = Ending(self.others.give("completed", "ending"), {}, link=self.pipe(text_of(link), "survey"))
            last.redirect = True
            self.endings.append(last)
        elif how not in OFF and how != "DefaultMessage":
            self.notes.add("survey", f"end message {how}", "no_counterpart", "content")
        options.take("AvailableLanguages")
        for name, weight in OPTIONS.items():
            if (value := options.take(name)) not in OFF:
                self.notes.add("survey", name, "no_counterpart", weight, value)
        if rest := [name for name, value in options.rest().items() if value not in OFF]:
            self.notes.add("survey", ", ".join(rest), "look", "look")

    def embedded(self, name: str) -> str:
        """The field of an embedded datum; one that nothing in the survey has comes from outside."""
        name = name.removeprefix("e://Field/")
        if name == "Q_Language":
            return "language"
        found = name_of_field(name)
        if not found or name.startswith("Q_"):
            raise Unsaid(name)
        if name in self.constant:
            return f"variable.{found}"
        self.hidden.setdefault(found, None)
        return f"hidden.{found}"

    def carry(self, question: Question, locator: str, where: str) -> None:
        found = re.fullmatch(r"q://([^/]+)/ChoiceGroup/(\w+)", locator)
        which: Any = {"SelectedChoices": "selected", "UnselectedChoices": "unselected", "AllChoices": "shown",
                      "DisplayedChoices": "shown", "SelectedChoicesTextEntry": "selected"}  # fmt: skip

        def finish() -> None:
            source = self.asked.get(found[1]) if found else None
            if found and source and found[2] in which:
                question.carry = Carry(source.id, which[found[2]])
            else:
                self.notes.add(where, "DynamicChoices", "no_counterpart", "content", locator)

        self.late.append(finish)


def _show(page: Page, condition: Condition | None, *, but: bool = False) -> None:
    if condition is not None:
        page.show = both(page.show, Condition(not_=condition) if but else condition)
