"""Style sheets of authors: what is kept of them, how pages serve them, the form with its reset, hostile ones."""

from __future__ import annotations

import base64
import json
import random
import re
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import tinycss2
from django.test import Client
from django.urls import reverse

from cxm.accounts.models import Workspace
from cxm.listen.surveys.models import Survey
from cxm.listen.surveys.places import Place
from cxm.listen.surveys.preview import preview_url
from cxm.listen.surveys.queries import draft_of
from cxm.listen.surveys.respond.tests.given import FIVE, Respondent, make_survey, respondents
from cxm.listen.surveys.stylesheets import LONGEST, cleaned
from cxm.listen.surveys.tests.test_mailings import owner_of
from cxm.testing.cast import make_workspace

__all__ = ["respondents"]
database = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("respondents")]


@pytest.mark.parametrize(("css", "expected"), [
    (":root{--accent:#a00} .q > .title:not(.must){margin:calc(1px + 2%) !important}",
     ":root{--accent:#a00}\n.q > .title:not(.must){margin:calc(1px + 2%) !important}"),
    ("@media (min-width: 40rem){.card{color:red}}", "@media (min-width: 40rem){.card{color:red}}"),
    ("@keyframes in{from{opacity:0}to{opacity:1}}", "@keyframes in{from{opacity:0}to{opacity:1}}"),
    (".a{background:url(data:image/png;base64,AAAA)}", ".a{background:url(data:image/png;base64,AAAA)}"),
    ("a[lang|='uk']{color:rgb(1 2 3 / 50%)}", 'a[lang|="uk"]{color:rgb(1 2 3 / 50%)}'),
    ("/* a note */ .a{color:red", ".a{color:red}"),
])  # fmt: skip
def test_what_only_looks_is_kept(css: str, expected: str) -> None:
    found = cleaned(css)
    assert (found.text, found.dropped) == (expected, [])


@pytest.mark.parametrize(("css", "dropped"), [
    ("@import url(https://evil.example/x.css); .ok{color:red}", "@import"),
    ("@\\69 mport 'https://evil.example/x.css'; .ok{color:red}", "@import"),
    (".a{background:url(https://evil.example/x.png)} .ok{color:red}", "url()"),
    (".a{background:url( '//evil.example/x.png' )} .ok{color:red}", "url()"),
    (".a{background:\\75 rl(https://evil.example/x)} .ok{color:red}", "url()"),
    (".a{background:url('data:image/png;base64,AA' 'x')} .ok{color:red}", "url()"),
    (".a{background:url(data:text/html;base64,AAAA)} .ok{color:red}", "url()"),
    (".a{background:url(/s/r/x)} .ok{color:red}", "url()"),
    (".a{--x:{b:url(https://evil.example)}} .ok{color:red}", "url()"),
    ("input[value^=a]{background:image-set('https://evil.example/a' 1x)} .ok{color:red}", "image-set()"),
    (".a{width:expression(alert(1))} .ok{color:red}", "expression()"),
    (".a{width:e\\78 pression(alert(1))} .ok{color:red}", "expression()"),
    (".a{background:src('https://evil.example')} .ok{color:red}", "src()"),
    (".a{behavior:none} .ok{color:red}", "behavior"),
    (".a{-moz-bindin\\67 :none} .ok{color:red}", "-moz-binding"),
    ("@font-face{font-family:x;src:local(x)} .ok{color:red}", "@font-face"),
    ("@namespace url(https://evil.example); .ok{color:red}", "@namespace"),
    ("@document url-prefix(''){a{color:red}} .ok{color:red}", "@document"),
    (".a{color:red;&:hover{color:blue}} .ok{color:red}", ""),
])  # fmt: skip
def test_what_loads_or_runs_is_dropped_and_named(css: str, dropped: str) -> None:
    found = cleaned(css)
    assert [what for _line, what in found.dropped] == [dropped]
    assert ".ok{color:red}" in found.text
    assert not re.search("evil|expression|behavior|binding|import", found.text)


@pytest.mark.parametrize("css", [
    "</style><script>alert(1)</script>", ".a{content:'</style><script>alert(1)</script>'}", ".a{content:'\\3c/style>'}",
    "\\3c b{color:red}", ".a{--\\3c x:1}", "@media (width < 600px){.a{color:red}}", ".a{b:" + "(" * 9_000,
    ".a{color:red}" + " " * LONGEST,
])  # fmt: skip
def test_nothing_ends_the_element_that_it_stands_in_or_overwhelms_the_reader(css: str) -> None:
    found = cleaned(css)
    assert found.text == ""
    assert found.dropped


def test_random_pieces_never_bring_anything_through() -> None:
    """Against an oracle that reads what came out, as a browser does."""
    chance = random.Random(7)
    pieces = [
        "@import", "@media", "url(", "\\75rl(", "'https://e.example'", "//e.example", ")", "(", "{", "}", ";", ":", "a",
        "color", "image-set(", "expression(", "<", "</style>", "/*", "*/", "\\", '"', "'", "\n", "!important", "--x",
        ",", "[", "]", "\x00", "data:image/png;base64,AA", "src", "&", "#", "@", "var(", "u", "rl(",
    ]  # fmt: skip
    kept = 0
    for _ in range(3_000):
        text = cleaned("".join(chance.choice(pieces) for _ in range(chance.randint(1, 25)))).text
        kept += bool(text)
        assert "<" not in text
        for token in tokens(tinycss2.parse_component_value_list(text)):
            name = getattr(token, "lower_name", "")
            assert token.type != "at-keyword" or token.lower_value == "media"
            assert name not in {"image-set", "expression", "src"}
            if token.type == "url" or name == "url":
                assert "data:image/png" in token.serialize()
        assert cleaned(text).text.replace("\n", "") == text.replace("\n", ""), "what is clean stays as it is"
    assert kept > 50


def tokens(values: Any) -> Any:
    for one in values:
        yield one
        yield from tokens(getattr(one, "arguments", None) or getattr(one, "content", None) or [])


def styled(css: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(json.dumps(FIVE))
    return {**body, "look": {"css": css}}


class TestPages:
    pytestmark = database

    def test_the_page_has_it_after_ours_and_the_policy_names_its_hash(self) -> None:
        survey = make_survey(make_workspace(), styled(".q{color:red} .x{background:url(https://evil.example)}"))
        page = Respondent().get(f"/s/{survey.public_id}")
        own = ".q{color:red}\n.x{}"
        assert f"<style>{own}</style>" in page.text
        assert page.text.index("respond.css") < page.text.index(own)
        digest = base64.b64encode(sha256(own.encode()).digest()).decode()
        policy = page.headers["content-security-policy"]
        assert f"'sha256-{digest}'" in policy
        assert "unsafe-inline" not in policy
        assert "evil" not in page.text + policy

    def test_notices_and_the_editor_stay_as_they_are(self, client: Client) -> None:
        workspace = make_workspace()
        survey = make_survey(workspace, styled(".q{color:rebeccapurple}"), pin="4711")
        assert "rebeccapurple" not in Respondent().get(f"/s/{survey.public_id}").text
        client.force_login(owner_of(workspace))
        shown = client.get(reverse("surveys:edit", args=[workspace.slug, survey.pk])).content.decode()
        assert "rebeccapurple" not in shown
        preview = urlsplit(preview_url(survey, "en", Place(), draft_of(survey)))
        assert parse_qs(preview.query)["preview"]
        assert "<style>.q{color:rebeccapurple}</style>" in Respondent().get(f"{preview.path}?{preview.query}").text


LOOK = {"accent": "#206bc4", "background": "", "logo": "", "font": "system", "dark": "auto", "progress": "on"}


@pytest.mark.django_db
def test_it_is_written_checked_shown_and_removed(client: Client) -> None:
    workspace: Workspace = make_workspace()
    survey: Survey = make_survey(workspace)
    client.force_login(owner_of(workspace))
    address = reverse("surveys:look", args=[workspace.slug, survey.pk])
    assert "Remove the style sheet" not in client.get(address).content.decode()
    refused = client.post(address, {**LOOK, "css": ".q{color:red}\n@import 'x';\n.a{b:url(x)}"})
    assert refused.status_code == 422
    assert "2 (@import), 3 (url())" in refused.content.decode()
    assert client.post(address, {**LOOK, "css": "a" * (LONGEST + 1)}).status_code == 422
    survey.refresh_from_db()
    assert draft_of(survey).look.css == ""
    client.post(address, {**LOOK, "css": ".q{color:red}\r\n.a{color:blue}\r\n"})
    survey.refresh_from_db()
    assert draft_of(survey).look.css == ".q{color:red}\n.a{color:blue}\n"
    shown = client.get(address)
    assert "Remove the style sheet" in shown.content.decode()
    assert "style-src 'self'" in shown.headers["Content-Security-Policy"]
    client.post(address, {"do": "reset"})
    survey.refresh_from_db()
    assert (draft_of(survey).look.css, draft_of(survey).look.accent) == ("", "#206bc4")
