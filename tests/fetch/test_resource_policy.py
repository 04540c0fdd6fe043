import pytest

from cors_addon.fetch.origins import origin_of
from cors_addon.fetch.resource_policy import (
    EmbedderPolicy,
    ResourcePolicyBlock,
    embedder_policy_of,
    extract_mime_essence,
    is_blocked_by_nosniff,
    resource_policy_block,
    timing_allow_origin_check,
)

from .table import headers, table

NONE = EmbedderPolicy.UNSAFE_NONE
REQUIRE = EmbedderPolicy.REQUIRE_CORP
CREDENTIALLESS = EmbedderPolicy.CREDENTIALLESS
SAME_ORIGIN = ResourcePolicyBlock.SAME_ORIGIN
SAME_SITE = ResourcePolicyBlock.SAME_SITE
EMBEDDER = ResourcePolicyBlock.EMBEDDER


# --- Cross-Origin-Embedder-Policy --------------------------------------------------------------------------------


@table(
    "lines, policy",
    ("absent", [], NONE),
    ("require-corp", ["require-corp"], REQUIRE),
    ("credentialless", ["credentialless"], CREDENTIALLESS),
    ("unsafe-none", ["unsafe-none"], NONE),
    ("a value nobody knows", ["require-cors"], NONE),
    ("empty", [""], NONE),
    ("tokens have a case", ["Require-Corp"], NONE),
    ("a string is no token", ['"require-corp"'], NONE),
    ("a parameter", ['require-corp; report-to="default"'], REQUIRE),
    ("without space", ['require-corp;report-to="default"'], REQUIRE),
    (
        "parameters of every kind",
        ['require-corp;a=1;b=-1.5;c="x\\"y";d=tok;e=?1;f=:aGk=:;g=@1;*h;i=%"%c3%a9"'],
        REQUIRE,
    ),
    ("a parameter without a value", ["credentialless; x"], CREDENTIALLESS),
    ("space around", ["  require-corp  "], REQUIRE),
    ("space before a semicolon is an error", ["require-corp ;x"], NONE),
    ("so is a semicolon with nothing behind", ["require-corp;"], NONE),
    ("and a key in upper case", ["require-corp; Report-To"], NONE),
    ("and a string that does not close", ['require-corp; report-to="x'], NONE),
    ("and a tab before the key", ["require-corp;\tx"], NONE),
    ("two values", ["require-corp, credentialless"], NONE),
    ("the same on two lines", ["require-corp", "require-corp"], NONE),
    ("an empty second line", ["require-corp", ""], NONE),
    ("report-only is another header", [], NONE),
)
def test_embedder_policy_of(lines: list[str], policy: EmbedderPolicy) -> None:
    others = ["Cross-Origin-Embedder-Policy-Report-Only: require-corp"]
    assert embedder_policy_of(headers(*others, *(f"Cross-Origin-Embedder-Policy: {line}" for line in lines))) is policy


# --- Cross-Origin-Resource-Policy --------------------------------------------------------------------------------

HERE, SIBLING, OTHER = "https://a.site.test", "https://b.site.test", "https://other.test"


def _registrable_domain(host: str) -> str | None:
    labels = host.split(".")
    return ".".join(labels[-2:]) if labels[-1] == "test" and len(labels) > 1 else None


def _block(
    page: str, resource: str, lines: list[str], embedder: EmbedderPolicy = NONE, credentials: bool = False
) -> ResourcePolicyBlock | None:
    target = origin_of(resource)
    assert target is not None
    listed = headers(*(f"Cross-Origin-Resource-Policy: {line}" for line in lines))
    return resource_policy_block(origin_of(page), target, listed, embedder, credentials, _registrable_domain)


@table(
    "page, resource, lines, block",
    ("no policy", HERE, OTHER, [], None),
    ("cross-origin", HERE, OTHER, ["cross-origin"], None),
    ("same-origin on the same", HERE, HERE, ["same-origin"], None),
    ("same-origin on a sibling", HERE, SIBLING, ["same-origin"], SAME_ORIGIN),
    ("same-origin on another port", HERE, f"{HERE}:8443", ["same-origin"], SAME_ORIGIN),
    ("same-site on the same", HERE, HERE, ["same-site"], None),
    ("same-site on a sibling", HERE, SIBLING, ["same-site"], None),
    ("same-site on another site", HERE, OTHER, ["same-site"], SAME_SITE),
    ("same-site from http to https", "http://a.site.test", SIBLING, ["same-site"], SAME_SITE),
    ("same-site from https to http", HERE, "http://b.site.test", ["same-site"], None),
    ("same-site within http", "http://a.site.test", "http://b.site.test", ["same-site"], None),
    ("same-site on the same host without https", "http://a.site.test", HERE, ["same-site"], SAME_SITE),
    ("same-site among addresses", "http://10.0.0.1", "http://10.0.0.2", ["same-site"], SAME_SITE),
    ("same-site on one address", "http://10.0.0.1", "http://10.0.0.1:8080", ["same-site"], None),
    ("an opaque page is nobody's same origin", "data:,x", HERE, ["same-origin"], SAME_ORIGIN),
    ("nor same site", "data:,x", HERE, ["same-site"], SAME_SITE),
    ("but may have what is for all", "data:,x", HERE, ["cross-origin"], None),
    ("values have a case", HERE, OTHER, ["Same-Origin"], None),
    ("a value nobody knows is no policy", HERE, OTHER, ["none"], None),
    ("nor is an empty one", HERE, OTHER, [""], None),
    ("nor a list", HERE, OTHER, ["same-site, same-origin"], None),
    ("nor two lines", HERE, OTHER, ["same-origin", "same-origin"], None),
    ("nor one with a parameter", HERE, OTHER, ["same-origin; x"], None),
)
def test_resource_policy(page: str, resource: str, lines: list[str], block: ResourcePolicyBlock | None) -> None:
    assert _block(page, resource, lines) is block


@table(
    "lines, embedder, without, included",
    ("nothing asked, nothing said", [], NONE, None, None),
    ("asked, nothing said", [], REQUIRE, EMBEDDER, EMBEDDER),
    ("asked, nothing that counts said", ["none"], REQUIRE, EMBEDDER, EMBEDDER),
    ("asked and granted", ["cross-origin"], REQUIRE, None, None),
    ("asked and refused", ["same-origin"], REQUIRE, SAME_ORIGIN, SAME_ORIGIN),
    ("credentialless asks only where credentials went along", [], CREDENTIALLESS, None, EMBEDDER),
    ("credentialless and granted", ["cross-origin"], CREDENTIALLESS, None, None),
    ("credentialless and refused", ["same-site"], CREDENTIALLESS, SAME_SITE, SAME_SITE),
)
def test_embedder_policy(
    lines: list[str],
    embedder: EmbedderPolicy,
    without: ResourcePolicyBlock | None,
    included: ResourcePolicyBlock | None,
) -> None:
    assert _block(HERE, OTHER, lines, embedder, credentials=False) is without
    assert _block(HERE, OTHER, lines, embedder, credentials=True) is included


@pytest.mark.parametrize("embedder", EmbedderPolicy)
@pytest.mark.parametrize("lines", [[], ["same-origin"], ["same-site"], ["cross-origin"], ["x"]])
def test_the_pages_own_resources_are_never_blocked(embedder: EmbedderPolicy, lines: list[str]) -> None:
    assert _block(HERE, HERE, lines, embedder, credentials=True) is None


# --- Timing-Allow-Origin -----------------------------------------------------------------------------------------


@table(
    "lines, expected",
    ("absent", [], False),
    ("the wildcard", ["*"], True),
    ("the origin", [HERE], True),
    ("in a list", [f"{OTHER}, {HERE}"], True),
    ("on another line", [OTHER, HERE], True),
    ("the wildcard in a list", [f"{OTHER}, *"], True),
    ("another origin", [OTHER], False),
    ("a trailing slash", [f"{HERE}/"], False),
    ("in quotes", [f'"{HERE}"'], False),
    ("empty", [""], False),
    ("upper case", [HERE.upper()], False),
)
def test_timing_allow_origin_check(lines: list[str], expected: bool) -> None:
    assert timing_allow_origin_check(HERE, headers(*(f"Timing-Allow-Origin: {line}" for line in lines))) is expected


# --- Content-Type and nosniff ------------------------------------------------------------------------------------


@table(
    "lines, essence",
    ("absent", [], None),
    ("one", ["text/html;charset=utf-8"], "text/html"),
    ("the last counts", ["text/plain;charset=gbk, text/html"], "text/html"),
    ("on lines too", ["text/plain", "text/html"], "text/html"),
    ("what does not parse is passed over", ["text/html", "cannot-parse"], "text/html"),
    ("so is anything", ["text/html", "*/*"], "text/html"),
    ("and nothing", ["text/html", ""], "text/html"),
    ("nothing that parses", ["cannot-parse, */*"], None),
    ("a comma in quotes does not separate", ['text/html;x="a, text/css"'], "text/html"),
)
def test_extract_mime_essence(lines: list[str], essence: str | None) -> None:
    assert extract_mime_essence(headers(*(f"Content-Type: {line}" for line in lines))) == essence


@table(
    "destination, options, types, expected",
    ("a script that is one", "script", ["nosniff"], ["text/javascript"], False),
    ("under its old name", "script", ["nosniff"], ["application/x-javascript;charset=utf-8"], False),
    ("in upper case", "script", ["NoSniff"], ["Text/JavaScript"], False),
    ("a script that calls itself text", "script", ["nosniff"], ["text/plain"], True),
    ("or JSON", "script", ["nosniff"], ["application/json"], True),
    ("or nothing", "script", ["nosniff"], [], True),
    ("the last of two types counts", "script", ["nosniff"], ["text/plain", "text/javascript"], False),
    ("not the first", "script", ["nosniff"], ["text/javascript, text/plain"], True),
    ("without nosniff it is sniffed", "script", [], ["text/plain"], False),
    ("only the first option counts", "script", ["nosniff, x"], ["text/plain"], True),
    ("the second does not", "script", ["x, nosniff"], ["text/plain"], False),
    ("nor one behind an empty line", "script", ["", "nosniff"], ["text/plain"], False),
    ("nor one in quotes", "script", ['"nosniff"'], ["text/plain"], False),
    ("a trailing comma does no harm", "script", ["nosniff,"], ["text/plain"], True),
    ("a worker", "worker", ["nosniff"], ["text/html"], True),
    ("a shared worker", "sharedworker", ["nosniff"], ["text/html"], True),
    ("a service worker", "serviceworker", ["nosniff"], ["text/html"], True),
    ("a worklet", "audioworklet", ["nosniff"], ["text/html"], True),
    ("another worklet", "paintworklet", ["nosniff"], ["text/html"], True),
    ("a style that is one", "style", ["nosniff"], ["text/css;charset=utf-8"], False),
    ("a style that calls itself text", "style", ["nosniff"], ["text/plain"], True),
    ("a style without a type", "style", ["nosniff"], [], True),
    ("images are not asked", "image", ["nosniff"], ["text/plain"], False),
    ("nor is fetch()", "empty", ["nosniff"], ["text/plain"], False),
    ("nor fonts", "font", ["nosniff"], ["text/plain"], False),
    ("nor what has no destination", "", ["nosniff"], ["text/plain"], False),
)
def test_is_blocked_by_nosniff(destination: str, options: list[str], types: list[str], expected: bool) -> None:
    listed = headers(
        *(f"X-Content-Type-Options: {option}" for option in options), *(f"Content-Type: {value}" for value in types)
    )
    assert is_blocked_by_nosniff(destination, listed) is expected
