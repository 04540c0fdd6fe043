"""Rules written into rule files of every style: the rest of the file stays byte for byte."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.rules.decode import read_rules
from cors_addon.rules.edit import Edit, remove, unblock
from cors_addon.rules.file_text import EditRefused
from cors_addon.rules.suggest import BlockedRequest
from tests.rules.generated import EXAMPLE

PAGE = "http://localhost:5173"
REQUEST = BlockedRequest(PAGE, "https://api.dev.test/v1/items", "PUT", ("content-type",))
NAME = "localhost:5173 calls api.dev.test"

STYLES = {
    "block": "version: 1\nrules:\n  - name: other\n    hosts: [b.dev.test]\n    allow_origins: [http://a.test]\n",
    "no indentation": 'version: 1\nrules:\n- name: other\n  hosts: ["b.dev.test"]\n  allow_origins: any\n',
    "wide dash": "version: 1\nrules:\n    -   name: 'other'\n        hosts: [b.dev.test]\n        allow_origins: any\n",
    "dash alone": (
        "version: 1\nrules:\n  -\n    name: other\n    hosts: [b.dev.test]\n    allow_origins: any\n"
        "  - # x\n\n    name: another\n    hosts: [c.dev.test]\n    allow_origins: any\n"
    ),
    "flow rules": "version: 1\nrules: [{name: other, hosts: [b.dev.test], allow_origins: any}]\n",
    "flow over lines": (
        'version: 1\nrules: [\n  {name: "other", hosts: ["b.dev.test"], allow_origins: any},  # one\n]  # end\n'
    ),
    "flow root": '{version: 1, rules: [{name: other, hosts: [b.dev.test], allow_origins: ["http://a.test"]}]}\n',
    "flow rule in a block": "version: 1\nrules:\n  - {name: other, hosts: [b.dev.test], allow_origins: any}\n",
    "rules first": (
        "rules:\n  - name: other\n    hosts: [b.dev.test]\n    allow_origins: any\n\nexpires: 8h # a day\nversion: 1\n"
    ),
    "comments": (
        "# top\n\nversion: 1  # v\n# of rules\nrules: # here\n  # of other\n  - name: other # n\n    # inside\n"
        "    hosts:\n      # h\n      - b.dev.test # b\n    allow_origins: any\n    # methods: [PUT]\n# bottom\n"
    ),
    "spaced": (
        "version: 1\nrules:\n\n  - name: other\n    hosts: [b.dev.test]\n    allow_origins: any\n\n"
        "  # second\n  - name: another\n    hosts: [c.dev.test]\n    allow_origins: any\n\n# end\n"
    ),
    "example": EXAMPLE.replace("- api.dev.test", "- api2.dev.test"),
    "defaults behind": (
        "version: 1\nrules:\n  - name: other\n    hosts:\n    - b.dev.test\n    allow_origins:\n    - http://a.test\n"
        "defaults: {max_age: 0}\n"
    ),
}
ENDS = {"lf": "\n", "crlf": "\r\n"}
STARTS = {"": b"", "bom": b"\xef\xbb\xbf"}
LASTS = ("", "no end")


def files() -> list[tuple[str, bytes]]:
    made = []
    for (style, text), (end, eol), (start, bom), last in product(STYLES.items(), ENDS.items(), STARTS.items(), LASTS):
        shown = text.rstrip("\n") if last else text
        made.append((f"{style} {end} {start} {last}".strip(), bom + shown.replace("\n", eol).encode()))
    return made


FILES = files()


def is_let_through(edit: Edit, *requests: BlockedRequest) -> bool:
    """Say whether nothing is left to do for the requests once the edit is made, in a file that is valid."""
    assert read_rules(edit.after).rules is not None, edit.after.decode()
    again = unblock(edit.after, requests or (REQUEST,))
    return not again.changes and not again.refused and bool(again.kept)


def is_subsequence(small: bytes, large: bytes) -> bool:
    rest = iter(large)
    return all(byte in rest for byte in small)


@pytest.mark.parametrize(("style", "data"), FILES, ids=[style for style, _ in FILES])
def test_a_rule_comes_and_goes_and_every_other_byte_stays(style: str, data: bytes) -> None:
    edit = unblock(data, [REQUEST])
    assert (edit.added, edit.widened, edit.refused) == ((NAME,), (), ()), style
    assert is_let_through(edit)
    assert is_subsequence(data, edit.after)
    assert len(edit.after) - len(data) < 400
    assert data.count(b"\r") == 0 or edit.after.count(b"\n") == edit.after.count(b"\r\n"), "one kind of line end"
    assert remove(edit.after, NAME).after == data


OTHERS = [BlockedRequest(PAGE, f"https://{name}.more.test/") for name in ("x", "y")]


@pytest.mark.parametrize(("style", "data"), FILES, ids=[style for style, _ in FILES])
def test_each_of_many_rules_goes_alone(style: str, data: bytes) -> None:
    data = unblock(data, OTHERS).after
    rules = read_rules(data).rules
    assert rules is not None
    names = [rule.name for rule in rules.rules]
    assert len(names) > 2
    for name in names:
        after = remove(data, name).after
        left = read_rules(after).rules
        assert left is not None, (style, name)
        assert [rule.name for rule in left.rules] == [each for each in names if each != name]
        assert is_subsequence(after, data)
        assert data.count(b"hosts:") == after.count(b"hosts:") + 1


def test_a_rule_goes_from_between_two_lines_as_it_came() -> None:
    data = (
        b"version: 1\nrules: [{name: other, hosts: [b.dev.test], allow_origins: any},\n"
        b'  {name: api, hosts: [api.dev.test], methods: [GET], allow_origins: ["http://a.test"]}]\n'
    )
    edit = unblock(data, [BlockedRequest(PAGE, "https://api.dev.test/", credentials="it asks")])
    assert edit.added == (NAME,)
    assert remove(edit.after, NAME).after == data


@pytest.mark.parametrize("eol", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "last", ["    methods:\n      - GET\n", "    allow_methods:\n    - GET\n    - PUT\n", "", "    # end\n"]
)
def test_a_rule_before_others_is_widened_and_no_other(last: str, eol: str) -> None:
    one = "  - name: {0}\n    hosts: [{0}.dev.test]\n    allow_origins: [{1}]\n{2}"
    text = "version: 1\nrules:\n" + one.format("api", PAGE, last) + one.format("b", "https://b.test", last)
    edit = unblock(
        text.replace("\n", eol).encode(), [BlockedRequest(PAGE, "https://api.dev.test/", "PUT", credentials="it asks")]
    )
    assert edit.widened == ("api",), edit.refused
    rules = read_rules(edit.after).rules
    assert rules is not None
    assert [rule.allow_credentials for rule in rules.rules] == [True, False]


def test_there_are_enough_styles() -> None:
    assert len(FILES) >= 60


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"# nothing yet\n",
        b"# nothing yet",
        b"version: 1\n",
        b"version: 1",
        b"version: 1\nrules: []\n",
        b"version: 1\nrules: [] # none\n",
        b"version: 1\nrules:\n",
        b"version: 1\nrules: # none yet\nexpires: 2h\n",
        b"version: 1\nrules: null\n",
        b"{version: 1}\n",
        b"{version: 1, rules: []}\n",
        b"expires: 30m\r\nversion: 1\r\n",
    ],
)
def test_a_file_without_rules_gets_its_first(data: bytes | None) -> None:
    edit = unblock(data, [REQUEST])
    assert edit.added == (NAME,)
    assert is_let_through(edit)
    assert is_subsequence((data or b"").replace(b"null", b""), edit.after)


def test_the_first_rule_of_a_new_file() -> None:
    assert unblock(None, [REQUEST]).after.decode() == (
        "version: 1\n"
        "rules:\n"
        '  - name: "localhost:5173 calls api.dev.test"\n'
        '    hosts: ["api.dev.test"]   # the server being called\n'
        '    allow_origins: ["http://localhost:5173"]   # the page that calls it\n'
        '    # paths: ["/v1/items"]   # to narrow it to what was seen\n'
        "    # methods: [PUT]\n"
    )


HEAD = "version: 1\nrules:\n  - name: api\n    hosts: [api.dev.test]\n"
WIDENED = {
    "flow list": (
        "    allow_origins: [http://a.test]\n",
        '    allow_origins: [http://a.test, "http://localhost:5173"]\n',
    ),
    "trailing comma": (
        "    allow_origins: ['http://a.test',]  # pages\n",
        "    allow_origins: ['http://a.test', \"http://localhost:5173\",]  # pages\n",
    ),
    "block list": (
        "    allow_origins:\n      - http://a.test # a\n    max_age: 0\n",
        '    allow_origins:\n      - http://a.test # a\n      - "http://localhost:5173"\n    max_age: 0\n',
    ),
    "page and method": (
        "    methods: [GET]\n    allow_origins: [http://a.test]\n",
        '    methods: [GET, "PUT"]\n    allow_origins: [http://a.test, "http://localhost:5173"]\n',
    ),
    "method": (
        "    methods:\n    - GET\n    allow_origins: ['http://localhost:*']\n",
        "    methods:\n    - GET\n    - \"PUT\"\n    allow_origins: ['http://localhost:*']\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), WIDENED.values(), ids=WIDENED)
def test_a_rule_for_the_same_server_is_widened(before: str, after: str) -> None:
    edit = unblock((HEAD + before).encode(), [REQUEST])
    assert edit.after.decode() == HEAD + after
    assert (edit.added, edit.widened) == ((), ("api",))
    assert is_let_through(edit)


CREDENTIALS = BlockedRequest(PAGE, "https://api.dev.test/v1/items", credentials="the request carried a cookie")
WITH_CREDENTIALS = {
    "set": (
        f"    allow_origins: ['{PAGE}']\n    allow_credentials: false # no\n",
        f"    allow_origins: ['{PAGE}']\n    allow_credentials: true # no\n",
    ),
    "new": (f"    allow_origins: ['{PAGE}']\n", f"    allow_origins: ['{PAGE}']\n    allow_credentials: true\n"),
}


@pytest.mark.parametrize(("before", "after"), WITH_CREDENTIALS.values(), ids=WITH_CREDENTIALS)
def test_credentials_are_given_to_the_page_that_needs_them_alone(before: str, after: str) -> None:
    edit = unblock((HEAD + before).encode(), [CREDENTIALS])
    assert edit.after.decode() == HEAD + after
    assert is_let_through(edit, CREDENTIALS)


def test_credentials_for_one_page_do_not_reach_the_others_of_a_rule() -> None:
    data = f"{HEAD}    allow_origins: [http://a.test, '{PAGE}']\n".encode()
    edit = unblock(data, [CREDENTIALS])
    assert (edit.added, edit.widened) == ((NAME,), ())
    assert edit.after.index(NAME.encode()) < edit.after.index(b"name: api"), "the first matching rule wins"
    assert is_let_through(edit, CREDENTIALS)
    assert is_subsequence(data, edit.after)


def test_a_page_without_credentials_is_not_added_to_a_rule_that_gives_them() -> None:
    data = f"{HEAD}    allow_origins: [http://a.test]\n    allow_credentials: true\n".encode()
    edit = unblock(data, [REQUEST])
    assert (edit.added, edit.widened) == ((NAME,), ())


@pytest.mark.parametrize(
    "hosts", ["[api.dev.test, b.dev.test]", '["*.dev.test"]', "[192.168.0.0/16, api.dev.test]"], ids=str
)
def test_a_rule_for_more_servers_is_not_widened(hosts: str) -> None:
    data = f"version: 1\nrules:\n  - name: many\n    hosts: {hosts}\n    allow_origins: [http://a.test]\n".encode()
    edit = unblock(data, [REQUEST])
    assert (edit.added, edit.widened) == ((NAME,), ())
    assert is_let_through(edit)


def test_a_simulation_or_a_dry_run_that_takes_the_request_is_passed_by() -> None:
    for key in ("simulate: preflight-status-not-ok", "dry_run: true"):
        data = f"{HEAD}    allow_origins: any\n    {key}\n".encode()
        edit = unblock(data, [REQUEST])
        assert edit.added == (NAME,), key
        assert is_let_through(edit), key


def test_what_lets_the_request_through_already_stays() -> None:
    data = f"{HEAD}    allow_origins: any\n".encode()
    edit = unblock(data, [REQUEST])
    assert (edit.changes, edit.kept, edit.names) == (False, ("api",), ("api",))
    assert edit.diff("rules.yaml") == ""


def test_what_cannot_be_written_safely_is_refused_with_its_reason() -> None:
    sandboxed = BlockedRequest("null", "https://api.dev.test/")
    edit = unblock(None, [sandboxed])
    assert not edit.changes
    assert [request for request, _ in edit.refused] == [sandboxed]
    assert "null" in edit.refused[0][1]


@pytest.mark.parametrize("default", ["preflight: forward", "dry_run: true", "upstream_headers: keep"])
def test_defaults_that_stand_in_the_way_are_named(default: str) -> None:
    data = f"version: 1\ndefaults:\n  {default}\n{HEAD.partition(chr(10))[2]}    allow_origins: any\n".encode()
    edit = unblock(data, [BlockedRequest(PAGE, "https://other.dev.test/")])
    assert not edit.changes
    assert "the defaults of the file" in edit.refused[0][1]


def test_a_broken_file_is_left_alone() -> None:
    with pytest.raises(EditRefused, match=r"(?s)The rule file has errors.*unknown-key"):
        unblock(f"{HEAD}    allow_origins: any\n    colour: red\n".encode(), [REQUEST])


def test_the_last_rule_is_not_removed_and_an_unknown_one_neither() -> None:
    data = f"{HEAD}    allow_origins: any\n".encode()
    with pytest.raises(EditRefused, match=r"'api' is the only rule of the file"):
        remove(data, "api")
    with pytest.raises(EditRefused, match=r"The rule file has no rule 'b'"):
        remove(data, "b")


def test_the_diff_shows_the_lines_that_change() -> None:
    edit = unblock(f"{HEAD}    allow_origins: [http://a.test]\n".encode(), [REQUEST])
    assert edit.diff("rules.yaml").splitlines()[-2:] == [
        "-    allow_origins: [http://a.test]",
        '+    allow_origins: [http://a.test, "http://localhost:5173"]',
    ]


ORIGINS = st.sampled_from([PAGE, "http://a.test", "https://app.dev.test:8443", "https://b.test"])
URLS = st.sampled_from(
    ["https://api.dev.test/v1/a", "http://localhost:3000/b", "https://c.dev.test:8443/", "http://[::1]:9/x"]
)
REQUESTS = st.builds(
    BlockedRequest,
    ORIGINS,
    URLS,
    st.sampled_from(["GET", "PUT", "PATCH"]),
    st.just(("x-token",)),
    st.sampled_from(["", "the request carried a cookie"]),
    st.sampled_from([(), ("corp-not-same-site",), ("timing-allow-origin-missing",)]),
)


@given(st.sampled_from([None, *(data for _, data in FILES[::5])]), st.lists(REQUESTS, min_size=1, max_size=5))
def test_any_requests_into_any_file(data: bytes | None, requests: list[BlockedRequest]) -> None:
    for request in requests:
        edit = unblock(data, [request])
        assert not edit.refused
        assert is_let_through(edit, request)
        data = edit.after
