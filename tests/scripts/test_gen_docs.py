"""The README's generated parts: they are as the code says, and nothing is left out unsaid."""

import re
from pathlib import Path

import gen_docs
import pytest

from cors_addon.catalogue import CATALOGUE
from cors_addon.mitm.display import MARKS
from cors_addon.mitm.options import OPTIONS

DOCUMENTS = {path: path.read_text(encoding="utf-8") for path in gen_docs.documents()}
README = DOCUMENTS[gen_docs.README]
PAGES = {path.stem: text for path, text in DOCUMENTS.items() if path != gen_docs.README}
ALL = "\n".join(DOCUMENTS.values())
ONE = {"colours": lambda: "red and green\n"}
SKELETON = "before\n<!-- generated: colours -->\n{}<!-- end -->\nafter\n"
FILLED = SKELETON.format("\nred and green\n\n")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_document_is_up_to_date(path: Path) -> None:
    assert gen_docs.generated(DOCUMENTS[path])[1] == []


def test_every_section_has_one_place() -> None:
    assert gen_docs.unplaced(DOCUMENTS.values()) == []
    assert gen_docs.unplaced([], ONE) == ["colours"]
    assert gen_docs.unplaced([FILLED, FILLED], ONE) == ["colours"]


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    assert len(README.splitlines()) <= 300
    assert set(PAGES) - {"first-steps"} <= set(re.findall(r"cors_addon/docs/([\w-]+)\.md", README))


def test_there_is_an_entry_for_every_violation_and_a_way_to_it() -> None:
    text = PAGES["violations"]
    assert re.findall(r"(?m)^### (.+)$", text) == list(CATALOGUE)
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) >= set(CATALOGUE)
    for violation in CATALOGUE.values():
        assert violation.explanation in text
        assert violation.fix in text
        assert violation.anchor in text


def test_there_is_every_option_and_command() -> None:
    text = PAGES["options"]
    for option in OPTIONS:
        assert f"| `{option.name}` |" in text
    commands = re.findall(r"(?m)^\| `(cors\.[a-z.]+)", text.partition("generated: commands")[2])
    assert {"cors.explain", "cors.status", "cors.report", "cors.clear"} <= set(commands)
    assert commands == sorted(commands)
    for command in set(re.findall(r"`(cors\.[a-z.]+)(?: [^`]*)?`", ALL)) - {"cors.addon", "cors.xml"}:
        assert command in commands, f"{command} is spoken of and does not exist"


def test_no_document_speaks_of_an_option_that_does_not_exist() -> None:
    assert set(re.findall(r"\bcors_[a-z]+\b", ALL)) - {"cors_addon"} <= {option.name for option in OPTIONS}


def test_every_mark_is_explained() -> None:
    for severity, mark in MARKS.items():
        assert re.search(rf"{mark} [\w ]*({severity.value}|credentials)", PAGES["what-you-see"]), mark


def slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", DOCUMENTS[path]):
        name, _, heading = target.partition("#")
        if "://" in target:
            continue
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), target
        if heading:
            headings = re.findall(r"(?m)^#+ (.+)$", file.read_text(encoding="utf-8"))
            assert heading in map(slug, headings), target


def test_files_that_the_documents_name_exist() -> None:
    named = set(re.findall(r"(?<![\w./])(?:cors_addon|scripts|tests)/[\w/.-]*\w", ALL))
    assert named
    for name in named:
        assert (gen_docs.ROOT / name).exists(), name


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("plain", "plain"),
        ("HOST may hold * and ?", r"HOST may hold \* and ?"),
        ("a|b <c> [d] `e` _f_ \\", r"a\|b \<c\> \[d\] \`e\` \_f\_ \\"),
    ],
)
def test_text_is_shown_as_it_is(text: str, reads: str) -> None:
    assert gen_docs.escaped(text) == reads


def test_an_empty_part_is_filled_and_a_right_one_kept() -> None:
    assert gen_docs.generated(SKELETON.format(""), ONE) == (FILLED, ["colours"])
    assert gen_docs.generated(SKELETON.format("\nblue\n\n"), ONE) == (FILLED, ["colours"])
    assert gen_docs.generated(FILLED, ONE) == (FILLED, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "<!-- generated: shapes -->\n<!-- end -->\n" + FILLED,
            "generated: shapes --> names no section; there are colours",
        ),
        (FILLED + FILLED, "generated: colours --> stands there more than once"),
        ("<!-- generated: colours -->\nred", "generated: colours --> has no <!-- end --> of its own"),
    ],
)
def test_markers_that_do_not_fit_are_told(text: str, message: str) -> None:
    with pytest.raises(gen_docs.MarkerError, match=re.escape(message)):
        gen_docs.generated(text, ONE)


def test_a_missing_end_is_told_at_the_marker_that_lacks_it() -> None:
    sections = {**ONE, "shapes": lambda: "round\n"}
    text = "<!-- generated: colours -->\n<!-- generated: shapes -->\n<!-- end -->\n"
    with pytest.raises(gen_docs.MarkerError, match="generated: colours --> has no <!-- end -->"):
        gen_docs.generated(text, sections)


def test_check_names_what_differs_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "options.md"
    stale = PAGES["options"].replace("`cors_mark`", "`cors_marks`", 1)
    copy.write_text(stale, encoding="utf-8")
    assert gen_docs.main(["--check", str(copy)]) == 1
    assert capsys.readouterr().err == "options.md: the part options is out of date; run scripts/gen_docs.py\n"
    assert copy.read_text(encoding="utf-8") == stale

    assert gen_docs.main([str(copy)]) == 0
    assert capsys.readouterr().out == "options.md: options written\n"
    assert copy.read_text(encoding="utf-8") == PAGES["options"]
    assert gen_docs.main(["--check", str(copy)]) == 0
    assert gen_docs.main([str(copy)]) == 0
    assert capsys.readouterr().out == ""


def test_a_document_that_cannot_be_used_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gen_docs.main(["--check", str(tmp_path / "gone.md")]) == 1
    assert capsys.readouterr().err.startswith("gone.md: ")


def test_a_section_without_a_place_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(gen_docs, "documents", lambda: [gen_docs.README])
    assert gen_docs.main(["--check"]) == 1
    assert "the section options needs one place" in capsys.readouterr().err
