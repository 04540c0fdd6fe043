"""Causes and snippets as the JSON report has them."""

from typing import Any

CAUSES: dict[str, Any] = {
    "cause": {
        "id": "x",
        "confidence": "high",
        "message": "nginx <add_header> without always",
        "who": "gateway",
        "fix": "Add `always`.",
        "flows": ["a", "b"],
    },
    "other_causes": [
        {"id": "y", "confidence": "low", "message": "A proxy takes it out", "who": "", "fix": "", "flows": []},
    ],
}
SNIPPETS: list[dict[str, str]] = [
    {"stack": "Express", "text": "app.use(cors())", "confidence": "low", "because": ""},
    {"stack": "nginx", "text": "add_header A b always;\n}", "confidence": "high", "because": "Server: <nginx>"},
]
