"""How far rules reach: no more servers, tunnels and headers than they name, and no less after a reload."""

from __future__ import annotations

from pathlib import Path

import pytest

from cors_addon.mitm.addon import CorsAddon
from cors_addon.rules.decode import read_rules
from cors_addon.rules.inject import exposable_names
from tests.mitm.injecting import call, heads, injecting, passed, rule, written
from tests.mitm.support import APP, make_flow, proxy
from tests.rules.test_inject import delivered, get, rules_of


@pytest.mark.parametrize("network", ["0.0.0.0/1", "128.0.0.0/1", "8.0.0.0/7", "2000::/3", "::/1", "0.0.0.0/0"])
def test_no_two_networks_are_every_address(network: str) -> None:
    reading = read_rules(written(rule(hosts=[network])).encode())
    assert reading.rules is None
    assert any(network in problem.message for problem in reading.problems)


@pytest.mark.parametrize("network", ["10.0.0.0/8", "192.168.0.0/16", "fd00::/8", "fc00::/7", "127.0.0.0/8"])
def test_private_networks_can_be_listed(network: str) -> None:
    assert read_rules(written(rule(hosts=[network])).encode()).rules is not None


TUNNELS = [
    ("the web's port", "api.test", 443, True),
    ("a port that the rule names", "named.test", 8443, True),
    ("a mail server at a listed host", "api.test", 25, False),
    ("any other port, where the server may speak first", "api.test", 9103, False),
    ("another port than the named one", "named.test", 443, False),
    ("another host", "other.test", 443, False),
]


@pytest.mark.parametrize(("host", "port", "early"), [row[1:] for row in TUNNELS], ids=[row[0] for row in TUNNELS])
def test_a_tunnel_is_opened_early_only_where_the_browser_speaks_first(host: str, port: int, early: bool) -> None:
    with injecting(rule(hosts=["api.test", "named.test:8443"])) as running:
        connect = make_flow(url=f"https://{host}:{port}/", method="CONNECT")
        running.hook("http_connect", connect)
        assert (connect.response is not None) is early


def test_after_a_reload_with_a_broken_file_injection_comes_back_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cors.yaml"
    path.write_text(written(rule()), encoding="utf-8")
    with proxy(cors_rules=str(path), cors_inject=True) as running:
        path.write_text("rules: [", encoding="utf-8")
        addon = CorsAddon()
        # As mitmproxy does with a script that was saved.
        addon.configure(set(running.context.options.keys()))
        addon._running = True
        assert addon.injection.file.trouble
        assert addon.injection.is_on
        path.write_text(written(rule()), encoding="utf-8")
        for _ in range(3):
            addon.deliveries.tick()
        assert [each.name for each in addon.injection.rules.rules]
        assert not addon.injection.file.trouble


def test_a_header_that_is_named_like_the_wildcard_is_not_exposed() -> None:
    headers = get("< 200\n< *: x\n< X-Own: y").response
    assert headers is not None
    assert exposable_names(headers.headers) == ("x-own",)


def test_what_a_server_says_of_preflights_makes_way_on_other_responses() -> None:
    server = "\n".join(
        (
            "< 200",
            "< Access-Control-Allow-Methods: *",
            "< Access-Control-Allow-Headers: *",
            "< Access-Control-Max-Age: 86400",
        )
    )
    made = delivered(rules_of("allow_credentials: true"), get(server)).headers
    assert not [name for name in made.names() if name.startswith("access-control-allow-m") or "max-age" in name]
    kept = delivered(rules_of("upstream_headers: fill"), get(server)).headers
    assert kept.get("access-control-allow-methods") == "*"


def test_another_pages_response_keeps_them() -> None:
    with injecting() as running:
        other = call("Access-Control-Allow-Methods: *", origin="http://strange.test")
        passed(running, other)
        assert heads(other)["Access-Control-Allow-Methods"] == "*"
        assert APP not in str(heads(other))
