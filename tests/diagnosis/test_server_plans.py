"""One change for each server: the union of what its pages ask, with what it grants already."""

import ast
from typing import Any

from cors_addon.diagnosis.server_plans import server_plans
from cors_addon.report.model import Report, build
from cors_addon.verdict.model import Delivered, Outcome
from tests.report.samples import APP, exchange, report_of, verdicts
from tests.report.samples import get as transcript

UVICORN = [("server", "uvicorn"), ("content-type", "application/json")]
OTHER = "https://other.test"


def asks(method: str, names: str = "", id: str = "asks", answer: Any = (), status: int = 405) -> Any:
    asked = [("Access-Control-Request-Method", method)]
    asked += [("Access-Control-Request-Headers", names)] if names else []
    return exchange([*UVICORN, *answer], asked, id=id, method="OPTIONS", status=status)


def plan(report: Report) -> dict[str, Any]:
    (found,) = report.servers
    return found


def test_two_faults_of_a_server_get_one_snippet() -> None:
    told = plan(report_of(exchange(UVICORN, id="get"), asks("POST", "content-type,x-trace-id")))
    assert told["host"] == "https://api.test"
    assert (told["origins"], told["headers"]) == ([APP], ["content-type", "x-trace-id"])
    assert sorted(told["methods"]) == ["GET", "POST"]
    ast.parse(told["snippet"]["text"])
    assert 'allow_headers=["content-type", "x-trace-id"]' in told["snippet"]["text"]


def test_every_diagnosis_of_a_server_writes_the_same_whatever_is_pasted_last() -> None:
    report = report_of(exchange(UVICORN, id="get"), asks("POST", "content-type"), asks("DELETE", id="delete"))
    texts = [step["snippet"]["text"] for each in report.diagnoses for step in each["plan"] if step["snippet"]]
    assert len(texts) == 3
    for text in texts:
        assert all(f'"{method}"' in text for method in ("GET", "POST", "DELETE"))


def test_what_the_server_grants_now_stays() -> None:
    granted = [("access-control-allow-origin", OTHER), ("access-control-allow-credentials", "true"), ("vary", "origin")]
    granted += [("access-control-expose-headers", "x-total-count"), *UVICORN]
    report = report_of(exchange(granted, id="fine", origin=OTHER), exchange(UVICORN, id="get"))
    told = plan(report)
    assert sorted(told["origins"]) == [APP, OTHER]
    assert told["credentials"]
    assert told["exposed"] == ["x-total-count"]
    (step,) = [step for each in report.diagnoses for step in each["plan"] if step["snippet"]]
    for text in (told["snippet"]["text"], step["snippet"]["text"]):
        assert f'"{OTHER}"' in text
        assert f'"{APP}"' in text
        assert "allow_credentials=True" in text


def test_a_server_open_to_all_pages_stays_so() -> None:
    open_to_all = [("access-control-allow-origin", "*"), ("access-control-allow-methods", "GET")]
    told = plan(report_of(asks("PUT", answer=open_to_all, status=200)))
    assert 'allow_origins=["*"]' in told["snippet"]["text"]
    assert told["send"][0]["headers"][0] == "Access-Control-Allow-Origin: *"
    assert "Vary: Origin" not in told["send"][0]["headers"]


def test_status_and_exposure_are_told() -> None:
    (owed,) = verdicts(transcript("https://api.test/items", "X-Total-Count: 5"))
    told = plan(build([owed.with_delivered(Delivered("dev", Outcome.ALLOWED))]))
    assert told["rules"] == ["dev"]
    assert told["exposed"] == ["x-total-count"]
    assert "Access-Control-Expose-Headers: x-total-count" in told["send"][-1]["headers"]
    assert plan(report_of(asks("PUT")))["send"][0]["status"] == "2xx"


def test_nothing_is_planned_for_a_third_party_or_for_what_a_baseline_knows() -> None:
    report = report_of(exchange(UVICORN, id="get"))
    assert server_plans([{**each, "owner": "third-party"} for each in report.diagnoses]) == ()
    assert server_plans([{**each, "known": True} for each in report.diagnoses]) == ()


def test_an_id_is_the_same_in_another_run() -> None:
    one, again = (report_of(exchange(UVICORN, id=name)).diagnoses[0] for name in ("one", "again"))
    assert one["id"] == again["id"]
    assert one["id"].startswith("cors-")
    other = report_of(exchange(UVICORN, origin=OTHER)).diagnoses[0]
    assert other["id"] != one["id"]
