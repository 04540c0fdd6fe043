"""What the pages show is what the product prints, in the words of the trade."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cors_addon.__main__ import main
from cors_addon.docs import page
from tests.capture.captures import flow_file
from tests.docs.test_commands import DOCUMENTS
from tests.mitm.support import make_flow, make_response
from tests.test_voice import BANNED

pytestmark = pytest.mark.once

PAGE = "http://localhost:5173"
SLIP = make_flow(
    f"Origin: {PAGE}",
    "Access-Control-Request-Method: GET",
    "Access-Control-Request-Headers: x-api-version",
    method="OPTIONS",
    url="https://api.staging.example.com/items",
    response=make_response(
        204,
        f"Access-Control-Allow-Origin: {PAGE}",
        "Access-Control-Allow-Headers: Content-Type, X-Api-Verison",
        "Vary: Origin",
        "Server: nginx",
        body=b"",
    ),
)


def test_the_summary_is_shown_as_it_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shown,) = re.findall(r"<!-- shown -->\n```text\n(.*?)```", page("what-you-see") or "", re.DOTALL)
    capture = tmp_path / "run.mitm"
    capture.write_bytes(flow_file([SLIP]))
    assert main(["check", str(capture)]) == 1
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_the_documents_use_the_verbs_of_the_trade(path: Path) -> None:
    prose = re.sub(r"```.*?```|<!-- generated: .*?<!-- end -->", "", path.read_text("utf-8"), flags=re.DOTALL)
    found = [match[0] for match in BANNED.finditer(prose)]
    assert found == []
