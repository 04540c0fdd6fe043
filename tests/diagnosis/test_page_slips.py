"""What the page alone has to change: no header is asked of the server for it."""

import pytest

from cors_addon.diagnosis.causes import ranked
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.plans import plan_of
from tests.diagnosis.causes.corpus import case

_HEAD = "> OPTIONS https://api.shop.example/items\n> from https://www.shop.example\n"
_FOOT = "< 200\n< ACAO: https://www.shop.example\n< ACAM: GET, PATCH\n< ACAH: content-type\n"


@pytest.mark.parametrize(
    ("asked", "alone"),
    [
        ("> ACRM: patch\n> ACRH: content-type\n", True),
        ("> ACRM: GET\n> ACRH: access-control-allow-origin,content-type\n", True),
        # The server has to allow another header besides.
        ("> ACRM: GET\n> ACRH: access-control-allow-origin,x-api-key\n", False),
        ("> ACRM: GET\n> ACRH: x-api-key\n", False),
    ],
)
def test_the_server_is_asked_for_nothing(asked: str, alone: bool) -> None:
    verdicts = judge_all(case("slip", _HEAD + asked + _FOOT).exchanges)
    verdict = next(iter(verdicts.values()))
    steps = plan_of(verdict, verdict.findings, ranked(verdict.findings))
    assert (not any(step.send for step in steps)) is alone
