"""Writes docs/reference/api.md from the OpenAPI schema: `python -m tests.api_page`. A test checks that it is fresh."""

from __future__ import annotations

import os
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
    parts = [HEAD]
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
                parts.append(f"Body: `{kind}`" + (f", {reference}" if reference else "") + ".\n")
            answers = ", ".join(f"`{code}`" for code in operation.get("responses", {}))
            parts.append(f"Answers: {answers}.\n")
    return "\n".join(parts)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxm.settings")
    import django

    django.setup()
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(render(), encoding="utf-8")
