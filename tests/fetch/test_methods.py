from cors_addon.fetch.methods import is_cors_safelisted_method, is_forbidden_method, normalize_method

from .table import table


@table(
    "method, expected",
    ("GET", "GET", True),
    ("HEAD", "HEAD", True),
    ("POST", "POST", True),
    ("lower case is another method", "get", False),
    ("so is mixed case", "Post", False),
    ("PUT needs permission", "PUT", False),
    ("DELETE", "DELETE", False),
    ("PATCH", "PATCH", False),
    ("OPTIONS, asked for by a page", "OPTIONS", False),
    ("QUERY, though safe", "QUERY", False),
    ("space is no part of a method", "GET ", False),
    ("the empty string is none", "", False),
    ("the wildcard is a method like another", "*", False),
)
def test_is_cors_safelisted_method(method: str, expected: bool) -> None:
    assert is_cors_safelisted_method(method) is expected


@table(
    "method, expected",
    ("CONNECT", "CONNECT", True),
    ("TRACE", "TRACE", True),
    ("TRACK", "TRACK", True),
    ("in any case", "tRaCe", True),
    ("not a part of one", "TRAC", False),
    ("not more than one", "TRACES", False),
    ("GET", "GET", False),
    ("a Kelvin sign is not a K", "TRAC\u212a", False),
    ("the empty string", "", False),
)
def test_is_forbidden_method(method: str, expected: bool) -> None:
    assert is_forbidden_method(method) is expected


@table(
    "method, expected",
    ("delete", "delete", "DELETE"),
    ("get", "get", "GET"),
    ("head", "hEad", "HEAD"),
    ("options", "Options", "OPTIONS"),
    ("post", "pOST", "POST"),
    ("put", "put", "PUT"),
    ("patch is left alone, to many a page's surprise", "patch", "patch"),
    ("so are methods that the standard does not know", "eGg", "eGg"),
    ("what is upper case stays so", "PATCH", "PATCH"),
    ("a long s is not an S", "po\u017ft", "po\u017ft"),
    ("a forbidden method is not normalized", "trace", "trace"),
    ("space makes it another method", " get", " get"),
)
def test_normalize_method(method: str, expected: str) -> None:
    assert normalize_method(method) == expected
