import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.rules.decode import read_rules
from cors_addon.rules.document import DEEPEST_NESTING, LIBRARIES, read_document
from cors_addon.rules.errors import Level, has_errors, render_problems
from cors_addon.rules.nodes import Kind, Mapping, Scalar, Sequence, boolean_of, integer_of, kind_of
from cors_addon.rules.text import LARGEST_FILE

from .generated import EXAMPLE, any_file

both = pytest.mark.parametrize("library", ["PyYAML", "ruamel.yaml"])


@given(any_file)
def test_any_bytes_give_rules_or_problems(data: bytes) -> None:
    reading = read_rules(data)
    assert (reading.rules is None) == has_errors(reading.problems)
    assert all(line.isprintable() for line in render_problems(reading.problems, "rules.yaml").split("\n"))


@given(any_file)
def test_both_libraries_read_the_same(data: bytes) -> None:
    documents = [read_document(data, events) for events in LIBRARIES.values()]
    assert documents[0] == documents[1]
    readings = [read_rules(data, events) for events in LIBRARIES.values()]
    assert readings[0] == readings[1]


@both
def test_the_example_has_no_problem_but_nodes_with_places(library: str) -> None:
    document = read_document(EXAMPLE.encode(), LIBRARIES[library])
    assert document.problems == ()
    assert isinstance(document.root, Mapping)
    key, value = document.root.entries[0]
    assert isinstance(key, Scalar)
    assert (key.text, key.span.line, key.span.column) == ("version", 1, 1)
    assert isinstance(value, Scalar)
    assert (value.text, value.plain, value.span.column, value.span.end_column) == ("1", True, 10, 11)
    rules = document.root.entries[3][1]
    assert isinstance(rules, Sequence)
    assert len(rules.items) == 2


@both
@pytest.mark.parametrize(
    ("data", "code", "why"),
    [
        (b"", "empty-file", "nothing at all"),
        (b"\n\n  \n", "empty-file", "blank lines only"),
        (b"\xef\xbb\xbf", "empty-file", "a byte order mark only"),
        (b"a: \xff", "not-utf-8", "a byte that begins no character"),
        (b"a: \xed\xa0\x80", "not-utf-8", "a surrogate"),
        ("a: 1".encode("utf-16-be"), "control-character", "UTF-16 without a mark is full of NUL"),
        (b"a: \x00", "control-character", "NUL"),
        (b"a: \x1b[2J", "control-character", "a terminal escape"),
        ("a: \u2028b".encode(), "control-character", "a line break that only YAML 1.1 knows"),
        ("a: \x85b".encode(), "control-character", "another one"),
        ("a: \ufeffb".encode(), "control-character", "a byte order mark in the middle"),
        ("a: b\u00a0c".encode(), "invisible-character", "a space that is none"),
        (b"a:\tb", "tab", "a tab behind a colon"),
        (b'a: "\\U00110000"', "escape", "a character that does not exist"),
        (b"x: [" + b"[" * 30, "too-deep", "deep nesting"),
        (b"x:\n" + b" " * 2 + b"- " * 40, "too-deep", "deep nesting of block lists"),
        (b"a: " + b"x" * LARGEST_FILE, "too-large", "a large file"),
        (b"a: [" + b"x," * 60_000 + b"]", "too-large", "very many values"),
        (b"a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]", "anchor", "aliases that explode are never followed"),
        (b"a: !!python/object/apply:os.system [x]", "tag", "a tag that would run something"),
        (b"a: !include /etc/passwd", "tag", "a tag that would read something"),
        (b"<<: *x", "merge-key", "a merge key"),
        (b"a: |\n  b", "block-text", "a text of several lines"),
        (b"a: >\n  b", "block-text", "a folded text"),
        (b"? a\n: b", "question-mark", "an explicit key"),
        (b"a: b\n---\nc: d", "second-document", "two documents"),
        (b"a: b\n...\nc: d", "second-document", "an end before the end"),
        (b"%TAG ! x\n---\na: b", "directive", "a directive"),
    ],
)
def test_refused(data: bytes, code: str, why: str, library: str) -> None:
    document = read_document(data, LIBRARIES[library])
    assert code in [problem.code for problem in document.problems], why
    assert all(problem.level is Level.ERROR for problem in document.problems)


@both
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("---\nversion: 1\n", "the marker of the first document"),
        ("# comment\n\n---\nversion: 1\n...\n", "comments around it, and an end at the end"),
        ("\ufeffversion: 1\n", "a byte order mark at the beginning"),
        ("version: 1\r\n", "Windows line ends"),
        ("version: 1\r", "old Macintosh line ends"),
        ("version: 1 # a\ttab in a comment\n", "a tab in a comment"),
        ("version: 1 # a no-break\u00a0space in a comment\n", "a space that is none in a comment"),
        ("version: 1", "no line end at all"),
        ("{version: 1}", "braces"),
    ],
)
def test_harmless(text: str, why: str, library: str) -> None:
    document = read_document(text.encode(), LIBRARIES[library])
    assert document.problems == (), why
    assert isinstance(document.root, Mapping), why
    values = [value.text for _, value in document.root.entries if isinstance(value, Scalar)]
    assert values == ["1"], why


@both
def test_depth_within_the_limit(library: str) -> None:
    levels = DEEPEST_NESTING - 1
    document = read_document(("a: " + "[" * levels + "]" * levels).encode(), LIBRARIES[library])
    assert document.problems == ()


TEXTS = [
    "null",
    "Null",
    "NULL",
    "~",
    "nULL",
    "true",
    "True",
    "TRUE",
    "tRUE",
    "yes",
    "No",
    "NO",
    "on",
    "Off",
    "OFF",
    "y",
    "n",
    "0",
    "1",
    "-1",
    "+1",
    "010",
    "0600",
    "08",
    "0x1F",
    "0b101",
    "1_000",
    "0o17",
    "22:30",
    "1:60",
    "190:20:30",
    "1.5",
    "1.",
    ".5",
    "1e3",
    "1.0e+3",
    ".inf",
    "-.INF",
    ".nan",
    "2024-01-31",
    "2024-1-1",
    "12:30:45",
    "2024-01-31T10:00:00Z",
    "1.2.3",
    "127.0.0.1",
    "api.test",
    "10m",
    "2h",
    "never",
    "12:30:45.5",
    "_1",
    "1_",
    "0_",
    "0x",
    "0x_",
    "0b_",
]


@pytest.mark.parametrize("text", TEXTS)
def test_scalars_mean_what_yaml_1_1_says(text: str) -> None:
    """PyYAML's own resolver is the reference, whichever library reads the file."""
    node = read_document(f"a: {text}\n".encode()).root
    assert isinstance(node, Mapping)
    scalar = node.entries[0][1]
    assert isinstance(scalar, Scalar)
    tag = yaml.compose(f"a: {text}\n", Loader=yaml.SafeLoader).value[0][1].tag
    expected = {
        "null": Kind.NULL,
        "bool": Kind.BOOLEAN,
        "int": Kind.INTEGER,
        "float": Kind.FLOAT,
        "timestamp": Kind.TIMESTAMP,
        "str": Kind.STRING,
    }[tag.rpartition(":")[2]]
    assert kind_of(scalar) is expected
    if expected is Kind.BOOLEAN:
        assert boolean_of(text) is yaml.safe_load(text)
    if expected is Kind.INTEGER and text not in ("0x_", "0b_"):
        assert integer_of(text) == yaml.safe_load(text)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=20))
def test_quoted_scalars_are_texts(text: str) -> None:
    written = "'" + text.replace("'", "''") + "'"
    root = read_document(f"a: {written}\n".encode()).root
    assert isinstance(root, Mapping)
    value = root.entries[0][1]
    assert isinstance(value, Scalar)
    assert (value.text, kind_of(value)) == (text, Kind.STRING)
