"""Rules about the code that no linter knows. docs/architecture.md gives the reasons."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

from .source import CXM, ROOT, calls, python_files, shown, tree

LONGEST = 600  # lines; about 400 is where to split
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "services", "service", "core", "misc"}
# The outer edges, where any error ends: a request, a step, a job, a clock, a command.
EDGES = {
    "cxm/listen/channels/kinds/email/taking.py",  # a mail among others
    "cxm/listen/channels/kinds/email/listener.py",  # a session
    "cxm/act/cases/ticking.py",  # one clock among others
    "cxm/act/automations/running.py",  # a run
    "cxm/listen/surveys/respond/app.py",  # a request
    "cxm/listen/surveys/respond/deciding.py",  # a submission among others
    "cxm/listen/surveys/respond/store.py",  # a thread
    "cxm/record/capture/intake/app.py",  # a request
    "cxm/record/capture/intake/directory.py",  # a thread
    "cxm/record/capture/running.py",
    "cxm/record/eventlog/commit.py",  # a thread
    "cxm/record/eventlog/disk.py",  # a thread
    "cxm/understand/text/annotating.py",  # a text among others
    "cxm/web/flow.py",
    "cxm/web/flow_health.py",
    "cxm/web/incoming.py",  # a thread
    "cxm/web/process.py",
    "cxm/web/timers.py",
    "cxm/web/workers.py",
    "cxm/understand/text/deep/encoder.py",  # what optional libraries in C raise
}
TEMPLATES = sorted(CXM.rglob("templates/**/*.html"))
WRITTEN_BY_US = sorted(file for folder in (CXM, ROOT / "frontend" / "src") for file in folder.rglob("*")
                       if file.suffix in {".html", ".js", ".css", ".ts"}
                       and not {"vendor", "node_modules", "tests"} & set(file.parts))  # fmt: skip


def test_a_table_that_scrolls_on_a_phone_is_reached_by_keyboard() -> None:
    """By something inside that takes the focus, or by itself."""
    found = [
        f"{shown(file)}: {table[0][:80]}"
        for file in TEMPLATES
        for table in re.finditer(
            r'<div class="[^"]*\btable-responsive\b.*?</table>', file.read_text("utf-8"), re.DOTALL
        )
        if not re.search(r"tabindex|<a |<button|<input|<select|{% include", table[0])
    ]
    assert found == [], 'Write tabindex="0" role="region" and a label on it.'


def test_no_django_signals() -> None:
    found = [
        shown(file)
        for file in python_files()
        for node in ast.walk(tree(file))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django.dispatch"))
        or (isinstance(node, ast.ImportFrom) and node.module == "django.db.models.signals")
        or (isinstance(node, ast.Import) and any(one.name.startswith("django.dispatch") for one in node.names))
    ]
    assert found == [], "What follows an event is called by name."


def test_models_are_imported_and_not_looked_up() -> None:
    found = [shown(file) for file in python_files(tests=False) for _ in calls(file, "get_model")]
    assert found == []


def shelf(model: type[models.Model]) -> str:
    return ".".join(model.__module__.split(".")[:2])


def test_foreign_keys_across_shelves_leave_nothing_on_the_other_side() -> None:
    found = []
    for model in apps.get_models():
        if not model.__module__.startswith("cxm."):
            continue
        for field in model._meta.get_fields():
            if not isinstance(field, (models.ForeignKey, models.ManyToManyField)):
                continue
            other = field.related_model
            assert isinstance(other, type)
            across = other.__module__.startswith("cxm.") and shelf(other) != shelf(model)
            if across and not (field.remote_field.related_name or "").endswith("+"):
                found.append(f"{model.__name__}.{field.name}")
    assert found == [], 'These need related_name="+".'


def test_no_file_is_too_long() -> None:
    long = {shown(file): lines for file in python_files() if (lines := file.read_text().count("\n")) > LONGEST}
    assert long == {}


def test_names_say_what_is_inside() -> None:
    everything = [*python_files(), *(file.parent for file in python_files() if file.name == "__init__.py")]
    assert [shown(one) for one in everything if one.stem in FORBIDDEN_NAMES] == []


def test_everything_is_caught_only_at_the_outer_edges() -> None:
    found = {
        shown(file)
        for file in python_files(tests=False)
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
        and not any(isinstance(one, ast.Raise) and one.exc is None for one in ast.walk(node))
    }
    assert found <= EDGES


@pytest.mark.parametrize("template", TEMPLATES, ids=shown)
def test_templates_hold_no_script_or_style_of_their_own(template: Path) -> None:
    text = re.sub(r"\{#.*?#\}|\{% comment .*?endcomment %\}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not re.search(r"<style\b", text)
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text), "Behaviour comes from data-attributes."
    assert "javascript:" not in text
    for tag in re.findall(r"<script\b[^>]*>", text):
        assert "src=" in tag or 'type="application/json"' in tag, tag


def test_nothing_is_loaded_from_elsewhere() -> None:
    loaded = re.compile(
        r"(?:\bsrc\s*=\s*|url\(|\bimport\s*(?:\(|[^;\n]*from\s*)|@import\s*|\bfetch\(\s*)[\"']?(?:https?:)?//"
    )
    sheet = re.compile(r"<link\b[^>]*href\s*=\s*[\"'](?:https?:)?//")
    found = []
    for file in WRITTEN_BY_US:
        text = file.read_text(encoding="utf-8")
        if loaded.search(text) or sheet.search(text):
            found.append(shown(file))
    assert found == []


def test_every_package_says_what_it_is() -> None:
    """Shelves and apps have a docstring of at least a sentence; folders that Django asks for need none."""
    silent = {"management", "commands", "migrations", "tests", "templatetags"}
    packages = [
        file for file in python_files(tests=False) if file.name == "__init__.py" and not silent & set(file.parts)
    ]
    short = [shown(file) for file in packages if len(ast.get_docstring(tree(file)) or "") < 25]
    assert short == []


def test_every_app_says_what_it_never_does() -> None:
    apps_of_ours = [Path(config.path) / "__init__.py" for config in apps.get_app_configs()
                    if config.name.startswith("cxm.")]  # fmt: skip
    no = re.compile(r"\b(never|no|nothing|only|not)\b", re.IGNORECASE)
    quiet = [shown(file) for file in apps_of_ours if not no.search(ast.get_docstring(tree(file)) or "")]
    assert quiet == []


def test_a_skipped_test_says_why() -> None:
    found = []
    for file in python_files():
        for name in ("skip", "skipif", "xfail"):
            for call in calls(file, name):
                reason = [word.value for word in call.keywords if word.arg == "reason"] or call.args[:1]
                first = reason[0] if reason else None
                wordless = isinstance(first, ast.Constant) and not str(first.value).strip()
                if (
                    first is None
                    or wordless
                    or (name == "skipif" and not any(w.arg == "reason" for w in call.keywords))
                ):
                    found.append(f"{shown(file)}:{call.lineno}")
        bare = re.compile(r"@pytest\.mark\.(skip|xfail)\s*$", re.MULTILINE)
        if bare.search(file.read_text(encoding="utf-8")):
            found.append(shown(file))
    assert found == []


def test_a_server_starts_without_what_only_a_few_questions_need() -> None:
    code = "import sys, django; django.setup(); import cxm.web.urls, cxm.web.process; print(*sys.modules)"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "cxm.settings"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert not {"scipy.stats", "scipy.optimize", "scipy.special", "scipy.sparse", "openpyxl", "chdb"} & set(
        done.stdout.split()
    )


def test_who_may_change_something_is_asked_in_one_place() -> None:
    """`require_role` of cxm/accounts/access.py looks at the role of a person or a key, and nothing else does."""
    own = re.compile(r"Role\(by\.role\)|by\.created_by\b")
    found = [shown(file) for file in python_files(tests=False) if own.search(file.read_text(encoding="utf-8"))]
    assert sorted(found) == ["cxm/accounts/access.py", "cxm/accounts/actions.py", "cxm/accounts/audit.py"]


def test_what_is_silenced_says_why() -> None:
    """`# type: ignore[code]  # reason`: without the reason nobody knows when it may go."""
    silenced = re.compile(r"#\s*(?:noqa\b(?::\s*[A-Z0-9, ]+)?|type:\s*ignore\b(?:\[[^\]]*\])?)(?P<reason>.*)")
    found = [
        f"{shown(file)}:{number}"
        for file in python_files()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if (said := silenced.search(line)) and not re.search(r"[^\W\d_]{3}", said["reason"])
    ]
    assert found == []
