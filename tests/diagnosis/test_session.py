"""A stream of exchanges in, verdicts out, and earlier ones revised."""

from dataclasses import replace

import pytest
from mitmproxy.io import tnetstring

from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.session import Session, Settings
from cors_addon.fetch.messages import Response
from cors_addon.traffic.exchange import Exchange
from cors_addon.verdict.model import Judge, Verdict
from tests.traffic.exchanges import API, APP, ITEMS, allow, cors, exchange, lines_of, metadata, preflight
from tests.verdict.judging import ALLOWED, BLOCKED, CONDITIONAL, COOKIE, NOT_CORS, UNKNOWN, ids

STAR = allow("*", methods="PUT")


class Watched:
    """A session, with the verdicts as a front end holds them."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.session = Session(settings)
        self.verdicts: dict[str, Verdict] = {}

    def see(self, exchange: Exchange) -> set[str]:
        """Observe an exchange, revise, and return the ids of earlier verdicts that are others now."""
        verdict, changed = self.session.observe(exchange)
        if verdict is not None:
            self.verdicts[exchange.id] = verdict
        return self.revise(changed)

    def revise(self, changed: set[str]) -> set[str]:
        others = set()
        for id in changed & self.verdicts.keys():
            revised = self.session.judge(id)
            assert revised is not None
            if revised != self.verdicts[id]:
                self.verdicts[id] = revised
                others.add(id)
        return others


def test_while_there_is_no_answer_there_is_no_verdict() -> None:
    session = Session()
    assert session.observe(cors(f"GET {ITEMS}", status=None)) == (None, set())
    assert session.judge("1") is None
    assert session.judge("never seen") is None
    verdict, changed = session.observe(cors(f"GET {ITEMS}", answer=allow()))
    assert verdict is not None
    assert (verdict.outcome, changed) == (ALLOWED, set())


# --- late evidence -------------------------------------------------------------------------------------------------


def test_the_request_that_came_after_all_decides_about_its_preflight() -> None:
    watched = Watched()
    watched.see(cors(f"GET {ITEMS}?me", id="g", answer=allow(credentials=True)))
    watched.see(preflight(f"PUT {ITEMS}", id="p", at=1, answer=STAR))
    assert watched.verdicts["p"].outcome is CONDITIONAL
    assert watched.see(cors(f"PUT {ITEMS}", id="r", at=1.2, answer=STAR)) == {"p"}
    revised = watched.verdicts["p"]
    assert (revised.outcome, revised.related.request) == (ALLOWED, "r")


def test_a_cookie_on_the_request_decides_about_its_preflight() -> None:
    watched = Watched()
    watched.see(preflight(f"PUT {ITEMS}", id="p", answer=[*STAR, "Access-Control-Allow-Credentials: true"]))
    watched.see(cors(f"PUT {ITEMS}", COOKIE, id="r", at=0.2, answer=allow(credentials=True)))
    # It was followed although it passes without credentials only, and a cookie went along: that cannot be.
    assert watched.verdicts["p"].outcome is CONDITIONAL
    assert watched.verdicts["p"].credentials.contradicted


def test_a_cookie_on_the_same_connection_decides_about_an_earlier_request() -> None:
    watched = Watched()
    watched.see(cors(f"GET {ITEMS}", id="r", connection="k", answer=[*STAR, "Access-Control-Allow-Credentials: no"]))
    assert watched.verdicts["r"].outcome is CONDITIONAL
    assert watched.revise(watched.session.credentials.cookie_on("k", "page")) == {"r"}
    assert watched.verdicts["r"].outcome is BLOCKED
    assert watched.verdicts["r"].credentials.evidence[0][2] == "page"


def test_a_preflight_on_the_same_connection_decides_the_other_way() -> None:
    watched = Watched()
    watched.see(cors(f"GET {ITEMS}", id="r", connection="k", answer=[*STAR, "Access-Control-Allow-Credentials: no"]))
    assert watched.see(preflight(f"PUT {API}/else", id="p", at=1, connection="k", answer=STAR)) == {"r"}
    assert watched.verdicts["r"].outcome is ALLOWED


def test_a_followed_redirect_decides_about_its_hop() -> None:
    watched = Watched()
    answer = ["Location: /b", "Access-Control-Allow-Credentials: no", *allow("*")]
    watched.see(cors(f"GET {API}/a", id="a", status=302, answer=answer))
    assert watched.verdicts["a"].outcome is CONDITIONAL
    assert watched.see(cors(f"GET {API}/b", id="b", at=0.2, answer=allow())) == {"a"}
    assert watched.verdicts["a"].outcome is ALLOWED


def test_time_alone_tells_what_nothing_followed() -> None:
    watched = Watched()
    watched.see(preflight(f"PUT {ITEMS}", id="p", answer=STAR))
    assert (watched.verdicts["p"].outcome, ids(watched.verdicts["p"])) == (ALLOWED, [])
    assert watched.see(exchange(f"GET {APP}/", id="x", at=5)) == {"p"}
    assert watched.verdicts["p"].outcome is CONDITIONAL
    assert watched.see(cors(f"PUT {ITEMS}", id="r", at=6, answer=STAR)) == {"p"}
    assert watched.verdicts["p"].outcome is ALLOWED


def test_the_end_tells_it_too() -> None:
    watched = Watched()
    watched.see(preflight(f"PUT {ITEMS}", id="p", answer=allow(credentials=True, methods="PUT")))
    watched.see(exchange(f"GET {APP}/", id="x", at=1))
    assert ids(watched.verdicts["p"]) == []
    assert watched.revise(watched.session.finish()) == {"p"}
    assert ids(watched.verdicts["p"]) == ["preflight-not-followed"]
    assert watched.session.finish() == set()


def test_another_origin_shows_that_an_earlier_response_varies() -> None:
    watched = Watched()
    watched.see(cors(f"GET {ITEMS}", id="a", answer=allow()))
    assert watched.see(
        cors(f"GET {ITEMS}", id="b", at=1, origin="https://else.test", answer=allow("https://else.test"))
    ) == {"a"}
    assert ids(watched.verdicts["a"]) == ["vary-origin-missing"]


def test_a_document_tells_what_its_earlier_loads_need() -> None:
    watched = Watched()
    image = exchange(f"GET {API}/x.png", *metadata("no-cors", "cross-site", "image"), f"Referer: {APP}/", id="i", at=1)
    watched.see(image)
    assert (watched.verdicts["i"].outcome, ids(watched.verdicts["i"])) == (NOT_CORS, [])
    lines = metadata("navigate", "none", "document")
    page = exchange(f"GET {APP}/", *lines, id="page", answer=["Cross-Origin-Embedder-Policy: require-corp"])
    assert watched.see(page) == {"i"}
    assert ids(watched.verdicts["i"]) == ["corp-coep"]


def test_the_stored_response_that_came_late_tells_what_a_304_confirms() -> None:
    watched = Watched()
    watched.see(cors(f"GET {ITEMS}", 'If-None-Match: "1"', id="b", at=1, status=304))
    assert watched.verdicts["b"].outcome is UNKNOWN
    assert watched.see(cors(f"GET {ITEMS}", id="a", answer=allow())) == {"b"}
    assert watched.verdicts["b"].outcome is ALLOWED


def test_a_preflight_that_was_saved_after_its_request() -> None:
    watched = Watched()
    watched.see(cors(f"PUT {ITEMS}", id="r", at=0.2, answer=allow()))
    assert ids(watched.verdicts["r"]) == ["preflight-not-seen"]
    assert watched.see(preflight(f"PUT {ITEMS}", id="p", answer=allow(methods="PUT"))) == {"r"}
    assert ids(watched.verdicts["r"]) == []


# --- settings, and forgetting --------------------------------------------------------------------------------------


@pytest.mark.parametrize("judge", Judge)
def test_the_judge_may_change_while_running(judge: Judge) -> None:
    session = Session()
    session.observe(
        cors(f"GET {ITEMS}", browser="firefox", http="HTTP/2.0", answer=["Access-Control-Allow-Origin:", *allow()])
    )
    session.settings = Settings(judge)
    verdict = session.judge("1")
    assert verdict is not None
    assert verdict.outcome is (ALLOWED if judge is Judge.FIREFOX else BLOCKED)


def test_audit_adds_advice_and_changes_no_outcome() -> None:
    found = cors(f"GET {ITEMS}", answer=[*allow("*", credentials=True), "X-Total-Count: 7"])
    plain, audited = (judge_all([found], Settings(audit=audit))["1"] for audit in (False, True))
    assert plain.views == audited.views
    assert ids(plain) == []
    assert ids(audited) == ["allow-credentials-with-wildcard", "header-not-exposed"]


def test_what_is_handed_over_is_forgotten() -> None:
    session = Session()
    session.observe(cors(f"GET {ITEMS}", id="g", answer=allow(credentials=True)))
    before = session.hand_over()
    assert session.judge("g") is None
    assert before.judge("g") is not None, "whoever reads what was remembered reads on"
    verdict, _ = session.observe(cors(f"GET {ITEMS}", id="r", at=1, answer=STAR))
    assert verdict is not None
    assert verdict.outcome is ALLOWED


def test_what_is_forgotten_cannot_be_judged_anew() -> None:
    session = Session(capacity=2)
    for number in range(3):
        session.observe(cors(f"GET {ITEMS}", id=str(number), at=number, answer=allow()))
    assert session.judge("0") is None
    assert session.judge("2") is not None


def test_the_verdicts_of_a_capture_are_in_its_order() -> None:
    exchanges = [cors(f"GET {ITEMS}?{number}", id=str(number), at=number, answer=allow()) for number in (2, 0, 1)]
    assert [*judge_all(exchanges)] == ["2", "0", "1"]
    assert [*judge_all(iter(exchanges))] == ["2", "0", "1"]


# --- what was delivered instead ------------------------------------------------------------------------------------


def test_a_delivered_answer_has_its_own_verdict_and_the_servers_stays() -> None:
    session = Session()
    server, _ = session.observe(preflight(f"PUT {ITEMS}", id="p", status=404))
    assert server is not None
    assert server.outcome is BLOCKED
    made = Response(204, lines_of(allow(methods="PUT")))
    assert session.outcome_if("p", made) is ALLOWED
    assert session.outcome_delivered("p") is None
    assert session.deliver("p", made, 0.1) == set()
    assert session.outcome_delivered("p") is ALLOWED
    again = session.judge("p")
    assert again is not None
    assert again.outcome is BLOCKED


def test_what_follows_a_delivered_answer_belongs_to_it() -> None:
    session = Session()
    session.observe(preflight(f"PUT {ITEMS}", id="p", status=404))
    session.deliver("p", Response(204, lines_of(allow(methods="PUT"))), 0.1)
    verdict, changed = session.observe(cors(f"PUT {ITEMS}", id="r", at=0.2, answer=allow()))
    assert verdict is not None
    assert (verdict.related.preflight, changed) == ("p", {"p"})


def test_a_server_that_was_not_asked_has_no_verdict() -> None:
    session = Session()
    session.observe(preflight(f"PUT {ITEMS}", id="p", status=None))
    session.deliver("p", Response(204, lines_of(allow(methods="PUT"))), 0.1)
    verdict = session.judge("p")
    assert verdict is not None
    assert (verdict.outcome, "a rule answered" in verdict.reason) == (UNKNOWN, True)


def test_what_something_beside_cors_withholds_is_not_delivered_either() -> None:
    session = Session()
    session.observe(cors(f"GET {ITEMS}", answer=allow()))
    assert session.outcome_if("1", Response(0, lines_of([]))) is BLOCKED
    image = exchange(f"GET {ITEMS}", *metadata("no-cors", "cross-site", "image"), f"Referer: {APP}/", id="i")
    session.observe(image)
    assert session.outcome_if("i", Response(200, lines_of([]))) is NOT_CORS
    assert session.outcome_if("i", Response(200, lines_of(["Cross-Origin-Resource-Policy: same-origin"]))) is BLOCKED


def test_what_nobody_knows_is_not_delivered() -> None:
    session = Session()
    nothing = Response(200, lines_of([]))
    assert session.deliver("never seen", nothing, 0) == set()
    assert session.outcome_if("never seen", nothing) is None
    assert session.outcome_delivered("never seen") is None


# --- plain data ----------------------------------------------------------------------------------------------------


def test_a_verdict_can_be_kept_on_a_flow() -> None:
    """What mitmproxy writes into its files, and reads again."""
    found = [
        preflight(f"PUT {ITEMS}", "x-ü", id="p", answer=[*STAR, "Access-Control-Allow-Credentials: True"]),
        cors(f"PUT {ITEMS}", COOKIE, id="r", at=0.2, status=302, answer=["Location: ftp://x/", *allow("*")]),
        replace(cors(f"GET {ITEMS}", id="e", error="Server \x00 gone")),
    ]
    for verdict in judge_all(found).values():
        plain = verdict.to_plain()
        assert tnetstring.loads(tnetstring.dumps(plain)) == plain
