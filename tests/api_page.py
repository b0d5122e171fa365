"""Writes docs/reference/api.md from the OpenAPI schema: `python -m tests.api_page`. A test checks that it is fresh."""

from __future__ import annotations

import json
import os
import re
from typing import Any

from .source import ROOT

PAGE = ROOT / "docs" / "reference" / "api.md"
HEAD = """# REST API

Written from the OpenAPI schema by `python -m tests.api_page`; do not edit by hand. The same schema, with every field,
is served at `/api/v1/openapi.json`. A request carries a secret key (`Authorization: Bearer cxm_secret_…`, made under
Settings → Keys) and reaches the workspace of that key only. Errors are `application/problem+json` (RFC 9457) with a
`code` that stays the same and a `detail` in the language of `Accept-Language`.
"""


def render() -> str:
    from django.utils import translation

    from cxm.web.api import api

    with translation.override("en"):
        schema: dict[str, Any] = api.get_openapi_schema()
    parts, bodies = [HEAD], set[str]()
    for path, methods in sorted(schema["paths"].items()):
        for method, operation in methods.items():
            parts.append(f"## `{method.upper()} {path}`\n\n{(operation.get('summary') or '').rstrip('.')}.\n")
            if operation.get("description"):
                parts.append(operation["description"].strip() + "\n")
            rows = [
                f"| `{one['name']}` | {one['in']} | {'yes' if one.get('required') else 'no'} |"
                for one in operation.get("parameters", [])
            ]
            if rows:
                parts.append("\n".join(["| parameter | in | required |", "|---|---|---|", *rows]) + "\n")
            body = operation.get("requestBody", {}).get("content", {})
            for kind, content in body.items():
                reference = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
                link = f", [{reference}](#{reference.lower()})" if reference else ""
                parts.append(f"Body: `{kind}`{link}.\n")
                bodies |= {reference} if reference else set()
            answers = ", ".join(f"`{code}`" for code in operation.get("responses", {}))
            parts.append(f"Answers: {answers}.\n")
    parts.append("## Bodies\n")
    named = schema["components"]["schemas"]
    # A body may hold others: all that can be reached, each once.
    waiting = sorted(bodies)
    while waiting:
        name = waiting.pop()
        found = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(named[name]))) - bodies
        bodies |= found
        waiting += found
    parts += [fields_of(name, named[name]) for name in sorted(bodies)]
    return "\n".join(parts)


def fields_of(name: str, schema: dict[str, Any]) -> str:
    """One object with its fields, or a list of values."""
    lines = [f"### {name}\n"]
    if schema.get("description"):
        lines.append(" ".join(schema["description"].split()) + "\n")
    required = set(schema.get("required", []))
    rows = [
        f"| `{field}` | {kind_of(one)} | {'yes' if field in required else 'no'} |"
        f" {' '.join(one.get('description', '').split())} |"
        for field, one in schema.get("properties", {}).items()
    ]
    if rows:
        lines.append("\n".join(["| field | type | required | |", "|---|---|---|---|", *rows]) + "\n")
    else:
        lines.append(f"{kind_of(schema)}\n")
    return "\n".join(lines)


def kind_of(schema: dict[str, Any]) -> str:
    """The type of a field, as people read it."""
    if reference := schema.get("$ref", "").rpartition("/")[2]:
        return f"[{reference}](#{reference.lower()})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(kind_of(one) for one in schema[several]))
    if "enum" in schema or "const" in schema:
        return " · ".join(f"`{one}`" for one in schema.get("enum", [schema.get("const")]))
    kind = str(schema.get("type", "any value"))
    if kind == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    if kind == "object" and isinstance(inner := schema.get("additionalProperties"), dict):
        return f"object of {kind_of(inner)}"
    return f"{kind}, {schema['format']}" if "format" in schema else kind


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxm.settings")
    import django

    django.setup()
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(render(), encoding="utf-8")
