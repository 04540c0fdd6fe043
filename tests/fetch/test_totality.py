"""Whatever a server or a client sends, no function of the package raises."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cors_addon.fetch
from cors_addon.fetch.checks import PreflightRequest
from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import Request, Response
from cors_addon.fetch.origins import Origin
from cors_addon.fetch.preflight_cache import CacheEntry
from cors_addon.fetch.resource_policy import EmbedderPolicy
from cors_addon.fetch.urls import Url, parse_url

from .table import BOTH_MODES
from .test_urls import near_urls

KNOWN_NAMES = b"""
    Access-Control-Allow-Origin Access-Control-Allow-Credentials Access-Control-Allow-Methods
    Access-Control-Allow-Headers Access-Control-Expose-Headers Access-Control-Max-Age
    Access-Control-Request-Headers Content-Type Location Cross-Origin-Embedder-Policy
    Cross-Origin-Resource-Policy Timing-Allow-Origin X-Content-Type-Options
"""
byte_text = st.binary(max_size=40).map(lambda data: data.decode("latin-1"))
# Not only what a header list can hold: a capture file may hand over any string.
text = st.one_of(byte_text, st.text(max_size=40), st.text(st.characters(codec=None), max_size=10), near_urls)
header_lists = st.lists(
    st.tuples(st.one_of(st.sampled_from(KNOWN_NAMES.split()), st.binary(max_size=8)), st.binary(max_size=40)),
    max_size=8,
).map(HeaderList.from_bytes)
times = st.floats(allow_nan=False)
by_type: dict[Any, st.SearchStrategy[Any]] = {
    str: text,
    bytes: st.binary(),
    int: st.integers(),
    float: times,
    bool: st.booleans(),
    HeaderList: header_lists,
    Response: st.builds(Response, st.integers(), header_lists),
    Request: st.builds(Request, text, text, header_lists),
    Origin: st.builds(Origin, text, text, st.integers()),
    PreflightRequest: st.builds(PreflightRequest, text, text, st.lists(text, max_size=3).map(tuple)),
    CacheEntry: st.builds(
        CacheEntry, text, text, st.sampled_from(BOTH_MODES), st.frozensets(text), st.frozensets(text), times
    ),
    EmbedderPolicy: st.sampled_from(EmbedderPolicy),
    type(BOTH_MODES[0]): st.sampled_from(BOTH_MODES),
    Origin | None: st.one_of(st.none(), st.builds(Origin, text, text, st.integers())),
    Url | None: st.one_of(st.none(), near_urls.map(parse_url)),
    Callable[[str], str | None]: st.sampled_from([lambda host: None, lambda host: host]),
}


def _public_functions() -> dict[str, Callable[..., object]]:
    found: dict[str, Callable[..., object]] = {}
    for module_info in pkgutil.iter_modules(cors_addon.fetch.__path__, "cors_addon.fetch."):
        module = importlib.import_module(module_info.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if not name.startswith("_") and function.__module__ == module.__name__:
                found[f"{module_info.name.rpartition('.')[2]}.{name}"] = function
    return found


FUNCTIONS = _public_functions()


def _strategy(annotation: Any) -> st.SearchStrategy[Any]:
    if annotation in by_type:
        return by_type[annotation]
    # Iterables of header lines, of names
    if "tuple[str, str]" in str(annotation):
        return st.lists(st.tuples(text, text), max_size=5)
    assert "Iterable[str]" in str(annotation), annotation
    return st.lists(text, max_size=5)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_any_input_is_answered(name: str) -> None:
    function = FUNCTIONS[name]
    signature = inspect.signature(function, eval_str=True)

    @given(st.tuples(*(_strategy(parameter.annotation) for parameter in signature.parameters.values())))
    def answered(arguments: tuple[object, ...]) -> None:
        result = function(*arguments)
        if inspect.isgenerator(result):
            list(result)

    answered()


@given(header_lists, text)
def test_a_header_list_answers_anything(listed: HeaderList, name: str) -> None:
    assert (listed.get(name) is None) is (name not in listed)
    assert len(listed.get_all(name)) <= len(listed)
    assert hash(listed) == hash(HeaderList(listed))
    assert listed == HeaderList(listed)
    assert repr(listed)


def test_the_list_of_functions_is_not_empty() -> None:
    assert {"checks.cors_check", "headers.extract_max_age", "urls.parse_url"} <= set(FUNCTIONS)
