"""The JSON Schema and the decoder say the same: every key, every word, what is right and what is wrong in shape."""

import json
from typing import Any

import jsonschema
import pytest
import yaml

from cors_addon.rules.cli import schema_text
from cors_addon.rules.decode import read_rules
from cors_addon.rules.keys import DEFAULTS_KEYS, FILE_KEYS, RULE_KEYS
from cors_addon.rules.model import VERSION, PreflightMode, ResourcePolicy, UpstreamHeaders
from cors_addon.rules.simulations import SIMULATED
from cors_addon.rules.text import EXAMPLE

from .test_decode import FULL, read, rule

SCHEMA: dict[str, Any] = json.loads(schema_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def is_valid(text: str) -> bool:
    return bool(VALIDATOR.is_valid(yaml.safe_load(text)))


def file_of(*rules: str, head: str = "") -> str:
    return f"version: 1\n{head}rules:\n{''.join(rules)}"


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_keys_are_the_same_and_in_the_same_order() -> None:
    assert tuple(SCHEMA["properties"]) == FILE_KEYS
    assert tuple(SCHEMA["properties"]["defaults"]["properties"]) == DEFAULTS_KEYS
    assert tuple(SCHEMA["$defs"]["rule"]["properties"]) == RULE_KEYS


def test_the_words_are_the_same() -> None:
    definitions = SCHEMA["$defs"]
    assert definitions["preflight"]["enum"] == [mode.value for mode in PreflightMode]
    assert definitions["upstream_headers"]["enum"] == [mode.value for mode in UpstreamHeaders]
    assert definitions["resource_policy"]["enum"] == [*(policy.value for policy in ResourcePolicy), None]
    assert definitions["simulate"]["enum"] == [None, *sorted(SIMULATED)]
    assert SCHEMA["properties"]["version"]["const"] == VERSION


def test_every_key_has_a_title_for_editors() -> None:
    for key in RULE_KEYS:
        entry = SCHEMA["$defs"]["rule"]["properties"][key]
        assert "title" in (SCHEMA["$defs"][key] if "$ref" in entry else entry), key


def test_defaults_are_the_decoder_s() -> None:
    found = read(rule()).rules
    assert found is not None
    [least] = found.rules
    words = {None: "requested"} | {}
    for key in RULE_KEYS:
        entry = SCHEMA["$defs"].get(key, {})
        if "default" not in entry:
            continue
        value = getattr(least, key)
        if key in ("allow_methods", "allow_headers"):
            value = words[value]
        elif key == "expose_headers":
            value = {None: "all"}[value]
        assert entry["default"] == getattr(value, "value", value), key


@pytest.mark.parametrize("text", [FULL, EXAMPLE], ids=["full", "example"])
def test_examples_are_right_for_both(text: str) -> None:
    assert is_valid(text)
    assert read_rules(text.encode()).rules is not None


@pytest.mark.parametrize(
    ("right", "text", "why"),
    [
        (True, file_of(rule(max_age="10m")), "a duration"),
        (True, file_of(rule(expose_headers="none")), "a word"),
        (True, file_of(rule(allow_origins="any")), "a word for a list"),
        (True, file_of(rule(resource_policy="null", simulate="null")), "null where it is allowed"),
        (True, file_of(rule(simulate="corp-coep", allow_origins="")), "a simulation for any page"),
        (True, file_of(rule(), head="expires: never\n"), "never"),
        (True, file_of(rule(), head="expires: 1h30m\n"), "a longer duration"),
        (False, "version: 1\n", "no rules"),
        (False, "rules: []\n", "no version, and an empty list"),
        (False, file_of(rule()).replace("version: 1", "version: 2"), "another version"),
        (False, file_of(rule(frobnicate="1")), "an unknown key"),
        (False, file_of(rule(), head="inject: true\n"), "an unknown key of the file"),
        (False, file_of(rule(), head="defaults: {hosts: [a.test]}\n"), "hosts for all rules"),
        (False, file_of(rule(name="")), "no name"),
        (False, file_of(rule(name='""')), "an empty name"),
        (False, file_of(rule(name="5")), "a number for a name"),
        (False, file_of(rule(hosts="")), "no hosts"),
        (False, file_of(rule(hosts="[]")), "an empty list"),
        (False, file_of(rule(hosts="api.test")), "a text for a list"),
        (False, file_of(rule(hosts='["a.test, b.test"]')), "two in one"),
        (False, file_of(rule(hosts="[null]")), "null in a list"),
        (False, file_of(rule(allow_origins="all")), "another word"),
        (False, file_of(rule(allow_origins='["localhost:5173"]')), "no scheme"),
        (False, file_of(rule(allow_origins='["http://localhost:5173/"]')), "a slash at the end"),
        (False, file_of(rule(paths='["v1"]')), "a path without a slash"),
        (False, file_of(rule(methods='["GET PUT"]')), "no token"),
        (False, file_of(rule(allow_methods='["*"]')), "a star for a method"),
        (False, file_of(rule(allow_credentials="1")), "a number for a boolean"),
        (False, file_of(rule(max_age="-1")), "a negative age"),
        (False, file_of(rule(max_age="1.5")), "a fraction"),
        (False, file_of(rule(max_age='"10 minutes"')), "no duration"),
        (False, file_of(rule(preflight="off")), "a boolean for a word"),
        (False, file_of(rule(upstream_headers="override")), "another word"),
        (False, file_of(rule(resource_policy="same-origin")), "a policy that closes"),
        (False, file_of(rule(simulate="mode-same-origin")), "what cannot be simulated"),
        (False, file_of(rule(), head="expires: 30\n"), "no unit"),
    ],
)
def test_shapes(right: bool, text: str, why: str) -> None:
    assert is_valid(text) is right, why
    assert (read_rules(text.encode()).rules is not None) is right, why
