"""The README's generated parts: they are as the code says, and nothing is left out unsaid."""

import re
from pathlib import Path

import gen_docs
import pytest

from cors_addon.catalogue import CATALOGUE
from cors_addon.mitm.display import MARKS
from cors_addon.mitm.options import OPTIONS

README = gen_docs.README.read_text(encoding="utf-8")
ONE = {"colours": lambda: "red and green\n"}
SKELETON = "before\n<!-- generated: colours -->\n{}<!-- end -->\nafter\n"
FILLED = SKELETON.format("\nred and green\n\n")


def test_the_readme_is_up_to_date() -> None:
    assert gen_docs.generated(README)[1] == []


def test_the_readme_has_every_entry_and_a_way_to_it() -> None:
    headings = re.findall(r"(?m)^#### (.+)$", README)
    assert headings == list(CATALOGUE)
    assert set(re.findall(r"\]\(#([\w-]+)\)", README)) >= set(CATALOGUE)
    for violation in CATALOGUE.values():
        assert violation.explanation in README
        assert violation.fix in README
        assert violation.anchor in README


def test_the_readme_has_every_option_and_command() -> None:
    for option in OPTIONS:
        assert f"| `{option.name}` |" in README
    commands = re.findall(r"(?m)^\| `(cors\.[a-z.]+)", README.partition("generated: commands")[2])
    assert {"cors.explain", "cors.status", "cors.report", "cors.clear"} <= set(commands)
    assert commands == sorted(commands)
    for command in set(re.findall(r"`(cors\.[a-z.]+)(?: [^`]*)?`", README)) - {"cors.addon", "cors.xml"}:
        assert command in commands, f"{command} is spoken of and does not exist"


def test_the_readme_speaks_of_no_option_that_does_not_exist() -> None:
    assert set(re.findall(r"\bcors_[a-z]+\b", README)) - {"cors_addon"} <= {option.name for option in OPTIONS}


def test_the_readme_explains_every_mark() -> None:
    for severity, mark in MARKS.items():
        assert re.search(rf"{mark} [\w ]*({severity.value}|credentials)", README), mark


def test_links_within_the_readme_lead_somewhere() -> None:
    headings = {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in re.findall(r"(?m)^#+ (.+)$", README)}
    assert set(re.findall(r"\]\(#([\w-]+)\)", README)) <= headings


def test_files_that_the_readme_names_exist() -> None:
    named = set(re.findall(r"\b(?:cors_addon|scripts|tests)/[\w/.]*\w", README))
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
        ("nothing here", "the section colours has no place"),
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
    copy = tmp_path / "README.md"
    stale = README.replace("`cors_mark`", "`cors_marks`", 1)
    copy.write_text(stale, encoding="utf-8")
    assert gen_docs.main(["--check", "--readme", str(copy)]) == 1
    assert capsys.readouterr().err == "README.md: the part options is out of date; run scripts/gen_docs.py\n"
    assert copy.read_text(encoding="utf-8") == stale

    assert gen_docs.main(["--readme", str(copy)]) == 0
    assert capsys.readouterr().out == "README.md: options written\n"
    assert copy.read_text(encoding="utf-8") == README
    assert gen_docs.main(["--check", "--readme", str(copy)]) == 0
    assert gen_docs.main(["--readme", str(copy)]) == 0
    assert capsys.readouterr().out == "README.md: nothing written\n"


def test_a_document_that_cannot_be_used_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gen_docs.main(["--check", "--readme", str(tmp_path / "gone.md")]) == 1
    assert capsys.readouterr().err.startswith("gone.md: ")
    bare = tmp_path / "bare.md"
    bare.write_text("no markers\n", encoding="utf-8")
    assert gen_docs.main(["--readme", str(bare)]) == 1
    assert "has no place" in capsys.readouterr().err
    assert bare.read_text(encoding="utf-8") == "no markers\n"
