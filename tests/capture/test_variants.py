"""What is right of a recording is right of its variants, and of several recorders' files side by side."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cors_addon.capture.check import Task, check
from tests.capture.recorded import API, PAGE, Entry, asking, made, saved
from tests.capture.variants import CONTAINERS, VARIANTS, varied

STAR = ("Access-Control-Allow-Origin: *",)
ECHO = (f"Access-Control-Allow-Origin: {PAGE}", "Vary: Origin")
OPEN = (*STAR, "Access-Control-Allow-Headers: authorization, x-key", "Access-Control-Max-Age: 3600")
LATER = made(f"GET {API}/later", *STAR, at=40, size=10)


def unsaved() -> Entry:
    entry = made(f"GET {API}", size=30)
    entry["response"]["headers"] = []
    return entry


RECORDINGS: dict[str, tuple[list[Entry], list[str]]] = {
    "never sent, beside its refused preflight": (
        [
            made(f"GET {API}", status=0, error="net::ERR_FAILED", provisional=True),
            asking("x-key", status=403, at=1.001),
        ],
        ["blocked", "blocked"],
    ),
    "aborted": ([made(f"GET {API}", status=0, error="net::ERR_ABORTED", provisional=True)], []),
    "an extension blocked it": (
        [made(f"GET {API}", status=0, error="net::ERR_BLOCKED_BY_CLIENT", provisional=True)],
        [],
    ),
    "delivered, Allow-Credentials on the preflight alone": (
        [
            made(f"GET {API}", *ECHO, asked=["x-key: 1"], size=1090),
            asking("x-key", status=200, at=1.001, answer=(*OPEN[1:], *ECHO, "Access-Control-Allow-Credentials: true")),
        ],
        ["allowed", "allowed"],
    ),
    "without Authorization": (
        [made(f"GET {API}", *STAR, size=109), asking("authorization", status=204, answer=OPEN, at=1.001), LATER],
        ["allowed"] * 3,
    ),
    "clocks overlap": (
        [
            asking("x-key", status=200, answer=OPEN, at=1.002),
            made(f"GET {API}", *STAR, asked=["x-key: 1"], at=0.9992, waited=0.1, size=9),
            LATER,
        ],
        ["allowed"] * 3,
    ),
    "preflights alone": (
        [asking("x-key", status=200, answer=OPEN), asking("x-key", status=200, answer=OPEN, at=41)],
        ["allowed", "allowed"],
    ),
    "no response headers": ([unsaved()], ["unknown"]),
    "refused": ([made(f"GET {API}", "Content-Type: text/plain", error="net::ERR_FAILED")], ["blocked"]),
    "the server is down": ([made(f"GET {API}", status=0, error="net::ERR_CONNECTION_REFUSED")], ["unknown"]),
}


def outcomes(path: Path) -> list[str]:
    report = check([str(path)], Task())
    assert report.summary["captures"][0]["problem"] == ""
    assert "followed by nothing" not in str(report.flows)
    return [flow["outcome"] for flow in report.flows if flow["outcome"] != "not-cors"]


@pytest.mark.parametrize("name", RECORDINGS)
@settings(max_examples=12, deadline=None)
@given(chosen=st.lists(st.sampled_from(sorted(VARIANTS)), unique=True), container=st.sampled_from(sorted(CONTAINERS)))
def test_a_variant_has_the_same_outcomes(name: str, chosen: list[str], container: str) -> None:
    entries, right = RECORDINGS[name]
    with tempfile.TemporaryDirectory() as folder:
        file, data = CONTAINERS[container](varied(saved(*entries), *chosen))
        path = Path(folder, file)
        path.write_bytes(data)
        assert outcomes(path) == right


def test_several_recorders_at_once_do_not_mix(tmp_path: Path) -> None:
    paths = []
    for number, (entries, _) in enumerate(RECORDINGS.values()):
        for creator in ("WebInspector", "Playwright"):
            file, data = CONTAINERS["har"](saved(*entries, creator=creator))
            path = tmp_path / f"{number}-{creator}-{file}"
            path.write_bytes(data)
            paths.append(str(path))
    together = check(paths, Task())
    alone = [flow["outcome"] for path in paths for flow in check([path], Task()).flows]
    assert [flow["outcome"] for flow in together.flows] == alone
