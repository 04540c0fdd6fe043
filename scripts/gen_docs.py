"""Write the generated parts of the documentation: `python scripts/gen_docs.py [--check]`.

The documents are README.md and the pages of cors_addon/docs. A part stands between `<!-- generated: NAME -->` and
`<!-- end -->`. With `--check` nothing is written, and the exit
status is 1 if a part is not as it should be.
"""

import argparse
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
# The documents describe this checkout, whatever may be installed.
sys.path.insert(0, str(ROOT))

from cors_addon.catalogue import CATALOGUE  # noqa: E402
from cors_addon.catalogue.render import chromium_names, mdn_url  # noqa: E402
from cors_addon.catalogue.violation import Severity, Stage, Violation  # noqa: E402
from cors_addon.catalogue.webkit_names import SENTENCES  # noqa: E402
from cors_addon.diagnosis.causes import CAUSES  # noqa: E402
from cors_addon.mitm.addon import CorsAddon  # noqa: E402
from cors_addon.mitm.options import OPTIONS, Option  # noqa: E402
from cors_addon.rules.cli import schema_text  # noqa: E402

README: Final = ROOT / "README.md"
PAGES: Final = ROOT / "cors_addon" / "docs"
_OPENING: Final = re.compile(r"<!-- generated: (?P<name>[\w-]+) -->\n")
_PART: Final = re.compile(_OPENING.pattern + r"(?P<body>(?:(?!<!-- generated: ).)*?)<!-- end -->", re.DOTALL)
Section = Callable[[], str]


class MarkerError(Exception):
    """The markers of a document and the sections do not fit together; the message says where."""


def escaped(text: str) -> str:
    """Return plain text so that Markdown shows it as it is, in a table too."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", text)


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    """Return a Markdown table; the cells are Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def options() -> str:
    """Every option, as the addon declares it."""

    def default(option: Option) -> str:
        if isinstance(option.default, bool):
            return f"`{str(option.default).lower()}`"
        return f"`{option.default}`" if option.default else "empty"

    def kind(option: Option) -> str:
        if option.choices:
            return ", ".join(f"`{choice}`" for choice in option.choices)
        return {bool: "`true`, `false`", str: "text", int: "number"}.get(option.type, "list: given once for each entry")

    return table(
        ("option", "values", "default", "meaning"),
        ((f"`{option.name}`", kind(option), default(option), escaped(option.help)) for option in OPTIONS),
    )


def commands() -> str:
    """Every command, by name, as mitmproxy finds them."""
    found: dict[str, Callable[..., Any]] = {}
    holder = CorsAddon().commands
    for name in dir(holder):
        function = getattr(holder, name)
        command = getattr(function, "command_name", None)
        if isinstance(command, str):
            found[command] = function

    def row(command: str, function: Callable[..., Any]) -> tuple[str, str]:
        arguments = [name.upper() for name in inspect.signature(function).parameters]
        return f"`{' '.join([command, *arguments])}`", escaped((inspect.getdoc(function) or "").partition("\n\n")[0])

    return table(("command", "does"), (row(*item) for item in sorted(found.items())))


def rule_keys() -> str:
    """Every key of a rule file, from the schema that editors read."""
    schema: dict[str, Any] = json.loads(schema_text())
    shared: dict[str, dict[str, Any]] = schema["$defs"]

    def resolved(entry: dict[str, Any]) -> dict[str, Any]:
        return shared[entry["$ref"].rpartition("/")[2]] if "$ref" in entry else entry

    def values(entry: dict[str, Any]) -> str:
        entry = resolved(entry)
        if "anyOf" in entry:
            return ", ".join(dict.fromkeys(map(values, entry["anyOf"])))
        if "const" in entry:
            return f"`{entry['const']}`"
        words = [word for word in entry.get("enum", ()) if word is not None]
        if words:
            return ", ".join(f"`{word}`" for word in words) if len(words) < 6 else "a violation's id, listed below"
        if entry is shared["duration"]:
            return "a duration: `30m`, `1h30m`"
        kinds = {"boolean": "`true`, `false`", "integer": "seconds", "array": "a list", "object": "a mapping"}
        return kinds.get(entry["type"], "text")

    def default(name: str, entry: dict[str, Any], required: list[str]) -> str:
        if name in required:
            return "required"
        value = entry.get("default")
        return "" if value is None else f"`{str(value).lower()}`"

    def row(name: str, entry: dict[str, Any], required: list[str]) -> tuple[str, ...]:
        entry = resolved(entry)
        about = ". ".join(entry[part] for part in ("title", "description") if part in entry).replace("?.", "?")
        return f"`{name}`", values(entry), default(name, entry, required), escaped(about)

    rule = shared["rule"]
    head = ("key", "values", "default", "meaning")
    whole = table(head, (row(name, entry, schema["required"]) for name, entry in schema["properties"].items()))
    return f"{whole}\nAnd of a rule:\n\n" + table(
        head, (row(name, entry, rule["required"]) for name, entry in rule["properties"].items())
    )


def violations() -> str:
    """The catalogue: a table to find an entry by what a browser says, and the entries."""

    def row(violation: Violation) -> tuple[str, ...]:
        chromium = " ".join(f"`{name}`" for name in chromium_names(violation)[:1])
        firefox = f"`{violation.firefox}`" if violation.firefox else ""
        webkit = f"`{violation.webkit}`" if violation.webkit else ""
        return f"[`{violation.id}`](#{violation.id})", violation.severity.value, chromium, firefox, webkit

    head = ("id", "severity", "Chromium says", "Firefox says", "WebKit (our name)")
    overview = table(head, map(row, CATALOGUE.values()))
    sentences = table(
        ("our name", "the sentence in Safari's console"), ((f"`{name}`", text) for name, text in SENTENCES.items())
    )
    intro = "WebKit has a sentence for each failure and no identifier. These names are ours, one for each sentence:"
    return "\n".join([overview, intro, "", sentences, *map(_entry, CATALOGUE.values())])


def _entry(violation: Violation) -> str:
    title = escaped(violation.title).replace("{", "<var>").replace("}", "</var>").replace(r"\_", "_")
    stages = ", ".join(stage.value for stage in Stage if stage in violation.stages)
    names = [f"Chromium: {', '.join(f'`{name}`' for name in chromium_names(violation))}"] if violation.chromium else []
    if violation.firefox:
        names.append(f"Firefox: [`{violation.firefox}`]({mdn_url(violation.firefox)})")
    if violation.webkit:
        names.append(f"WebKit: `{violation.webkit}`")
    if violation.cwe is not None:
        names.append(f"[CWE-{violation.cwe}](https://cwe.mitre.org/data/definitions/{violation.cwe}.html)")
    return (
        f"### {violation.id}\n\n"
        f"{title}\n\n"
        f"{violation.severity.value} · {stages} · fixed by: {violation.owner.value} · "
        f"{' · '.join([*names, f'[standard]({violation.anchor})'])}\n\n"
        f"{violation.explanation}\n\n"
        f"**Fix.** {violation.fix}\n"
    )


def severities() -> str:
    """What each severity means, in the order of the code."""
    meanings = {
        Severity.BLOCKED: "the browser withholds the response, or does not send the request",
        Severity.CONDITIONAL: "it does so or not, depending on whether credentials are included, which nothing proves",
        Severity.RISK: "it works in the browser that was watched, and not everywhere or not safely",
        Severity.ADVICE: "it works, but probably not as its author meant it",
        Severity.INFO: "worth knowing where something else is being looked for",
    }
    return table(("severity", "means"), ((f"`{severity.value}`", meanings[severity]) for severity in Severity))


def causes() -> str:
    """The causes that findings are given, in the order of their families."""
    return table(
        ("cause", "what it is", "what shows it", "who fixes it"),
        ((f"`{entry.id}`", escaped(entry.title), escaped(entry.signal), entry.who.value) for entry in CAUSES.values()),
    )


SECTIONS: Final[Mapping[str, Section]] = {
    "options": options,
    "commands": commands,
    "rule-keys": rule_keys,
    "severities": severities,
    "causes": causes,
    "violations": violations,
}


def generated(text: str, sections: Mapping[str, Section] = SECTIONS) -> tuple[str, list[str]]:
    """Return the document with every part as it should be, and the names of the parts that were not.

    Raises ``MarkerError`` where a place has no section.
    """
    names = [match["name"] for match in _OPENING.finditer(text)]
    parts = [match["name"] for match in _PART.finditer(text)]
    for name in names:
        if name not in sections:
            raise MarkerError(f"<!-- generated: {name} --> names no section; there are {', '.join(sections)}")
        if names.count(name) > 1:
            raise MarkerError(f"<!-- generated: {name} --> stands there more than once")
        if name not in parts:
            raise MarkerError(f"<!-- generated: {name} --> has no <!-- end --> of its own on a later line")
    changed: list[str] = []

    def replaced(match: re.Match[str]) -> str:
        body = f"\n{sections[match['name']]()}\n"
        if body != match["body"]:
            changed.append(match["name"])
        return f"<!-- generated: {match['name']} -->\n{body}<!-- end -->"

    return _PART.sub(replaced, text), changed


def documents() -> list[Path]:
    """Return every document that may hold generated parts."""
    return [README, *sorted(PAGES.glob("*.md"))]


def unplaced(texts: Iterable[str], sections: Mapping[str, Section] = SECTIONS) -> list[str]:
    """Return the sections that have no place in any of the documents, or more than one."""
    names = [match["name"] for text in texts for match in _OPENING.finditer(text)]
    return [name for name in sections if names.count(name) != 1]


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="gen_docs.py", description="Write the generated parts of the docs.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if a part is out of date")
    parser.add_argument("documents", type=Path, nargs="*", help="default: README.md and cors_addon/docs")
    arguments = parser.parse_args(words)
    named: list[Path] = arguments.documents
    texts: dict[Path, str] = {}
    status = 0
    for document in named or documents():
        try:
            texts[document] = document.read_text(encoding="utf-8")
            made, changed = generated(texts[document])
        except (OSError, MarkerError) as error:
            print(f"{document.name}: {error}", file=sys.stderr)
            status = 1
            continue
        for name in changed if arguments.check else ():
            print(f"{document.name}: the part {name} is out of date; run scripts/gen_docs.py", file=sys.stderr)
            status = 1
        if changed and not arguments.check:
            document.write_text(made, encoding="utf-8", newline="\n")
            print(f"{document.name}: {', '.join(changed)} written")
    for name in () if named else unplaced(texts.values()):
        place = f"<!-- generated: {name} --> and <!-- end -->"
        print(f"the section {name} needs one place: put {place} on lines of their own into one page", file=sys.stderr)
        status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
