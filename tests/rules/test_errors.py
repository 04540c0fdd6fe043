import pytest

from cors_addon.rules.errors import Level, RuleFileProblem, Span, excerpt, inert, quoted


def carets(source: str, begin: int, end: int) -> tuple[str, str]:
    """Return the excerpt's line and its carets, both without the gutter."""
    _, line, marks = excerpt(source, Span(7, begin + 1, 7, end + 1), 1)
    return line.removeprefix("7 | "), marks.removeprefix("  | ")


@pytest.mark.parametrize(
    ("source", "begin", "end", "line", "marks", "why"),
    [
        ("a: bcd", 3, 6, "a: bcd", "   ^^^", "an ordinary line"),
        ("a: bcd", 6, 6, "a: bcd", "      ^", "a place behind the line"),
        ("a: b", 30, 40, "a: b", "    ^", "a place that is not there"),
        ("\ta", 1, 2, r"\ta", "  ^", "a tab is shown as an escape"),
        ("\ta", 0, 1, r"\ta", "^^", "and marked whole"),
        ("日本: x", 4, 5, "日本: x", "      ^", "wide characters take two columns"),
        ("日本", 0, 2, "日本", "^^^^", "also when they are marked"),
        ("e\u0301: x", 4, 5, "e\u0301: x", "   ^", "a combining accent takes none"),
        ("a\x1b[31m: x", 8, 9, r"a\x1b[31m: x", "           ^", "an escape sequence is inert"),
        ("a\u202eb: x", 5, 6, r"a\u202eb: x", "          ^", "so is a character that turns the direction"),
    ],
)
def test_excerpts(source: str, begin: int, end: int, line: str, marks: str, why: str) -> None:
    assert carets(source, begin, end) == (line, marks), why


@pytest.mark.parametrize("at", [0, 3, 50, 150, 295])
@pytest.mark.parametrize("letter", ["x", "日", "\x07"])
def test_long_lines_are_shown_around_the_place(at: int, letter: str) -> None:
    source = letter * at + "!" + letter * (299 - at)
    line, marks = carets(source, at, at + 1)
    assert len(line) <= 140
    shown = line.replace("日", "日日")
    assert shown[len(marks) - 1] == "!"


def test_the_end_may_be_on_another_line() -> None:
    _, _, marks = excerpt("a: [b", Span(1, 4, 3, 2), 1)
    assert marks == "  |    ^^"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", '"plain"'),
        ('say "x"', "'say \"x\"'"),
        ("a\nb", r'"a\nb"'),
        ("x" * 100, '"' + "x" * 80 + '..."'),
        ("\ud800", r'"\ud800"'),
    ],
)
def test_quotes(text: str, shown: str) -> None:
    assert quoted(text) == shown


def test_a_problem_is_rendered_inert_whatever_it_holds() -> None:
    evil = "\x1b]0;owned\x07\r\n\u202e\u0085"
    problem = RuleFileProblem("code", Level.ERROR, evil, evil, f"{evil}", evil, Span(1, 1, 1, 2), evil)
    rendered = problem.render(evil)
    assert all(line.isprintable() for line in rendered.split("\n"))
    assert inert(evil).isprintable()


def test_the_shape_of_a_problem() -> None:
    problem = RuleFileProblem(
        "a-code", Level.WARNING, "what", "Why.", "first\nsecond", "rules[0]", Span(12, 3, 12, 5), "a bc", ()
    )
    assert problem.render("rules.yaml") == (
        "rules.yaml:12:3: warning[a-code]: what\n"
        "   |\n"
        "12 | a bc\n"
        "   |   ^^\n"
        "   why:  Why.\n"
        "   help: first\n"
        "         second"
    )
