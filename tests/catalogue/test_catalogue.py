"""What is listed, and how it is written: every entry is complete, exact and within bounds."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.catalogue import CATALOGUE, UnknownViolationError, by_id, suggestions
from cors_addon.catalogue.violation import FixOwner, Severity, Stage, Violation
from cors_addon.catalogue.webkit_names import SENTENCES
from cors_addon.traffic.transcript import parse_transcript

P, D, R = Stage.PREFLIGHT, Stage.REDIRECT, Stage.RESPONSE
PREFIXED = "Preflight+"

# id: (Chromium's CorsError, Firefox's category); Preflight+ where Chromium has a second name for preflights.
NAMES: dict[str, tuple[str | None, str | None]] = {
    "allow-origin-missing": (PREFIXED + "MissingAllowOriginHeader", "CORSMissingAllowOrigin"),
    "allow-origin-multiple": (PREFIXED + "MultipleAllowOriginValues", "CORSMultipleAllowOriginNotAllowed"),
    "allow-origin-invalid": (PREFIXED + "InvalidAllowOriginValue", "CORSAllowOriginNotMatchingOrigin"),
    "allow-origin-mismatch": (PREFIXED + "AllowOriginMismatch", "CORSAllowOriginNotMatchingOrigin"),
    "allow-origin-wildcard-with-credentials": (PREFIXED + "WildcardOriginNotAllowed", "CORSNotSupportingCredentials"),
    "allow-credentials-not-true": (PREFIXED + "InvalidAllowCredentials", "CORSMissingAllowCredentials"),
    "preflight-status-not-ok": ("PreflightInvalidStatus", "CORSPreflightDidNotSucceed"),
    "preflight-redirect": ("PreflightDisallowedRedirect", "CORSExternalRedirectNotAllowed"),
    "allow-methods-invalid": ("InvalidAllowMethodsPreflightResponse", "CORSInvalidAllowMethod"),
    "allow-headers-invalid": ("InvalidAllowHeadersPreflightResponse", "CORSInvalidAllowHeader"),
    "method-not-allowed": ("MethodDisallowedByPreflightResponse", "CORSMethodNotFound"),
    "method-wildcard-with-credentials": ("MethodDisallowedByPreflightResponse", "CORSMethodNotFound"),
    "header-not-allowed": ("HeaderDisallowedByPreflightResponse", "CORSMissingAllowHeaderFromPreflight"),
    "header-wildcard-with-credentials": ("HeaderDisallowedByPreflightResponse", "CORSMissingAllowHeaderFromPreflight"),
    "redirect-url-credentials": ("RedirectContainsCredentials", None),
    "redirect-scheme": ("CorsDisabledScheme", "CORSRequestNotHttp"),
    "redirect-too-many": (None, "CORSDidNotSucceed"),
    "mode-same-origin": ("DisallowedByMode", None),
    "redirect-mixed-content": (None, None),
    "network-error": (None, "CORSDidNotSucceed"),
    "blocked-response-not-saved": (None, None),
    "corp-not-same-origin": (None, None),
    "corp-not-same-site": (None, None),
    "corp-coep": (None, None),
    "orb-blocked": (None, None),
    "nosniff-mime": (None, None),
    "local-network-access": ("LocalNetworkAccessPermissionDenied", None),
    "private-network-access": ("PreflightMissingAllowPrivateNetwork", None),
    "origin-null": (None, None),
    "origin-echoed-with-credentials": (None, None),
    "origin-pattern-too-loose": (None, None),
    "null-origin-with-credentials": (None, None),
    "http-origin-with-credentials": (None, None),
    "localhost-origin-with-credentials": (None, None),
    "shared-hosting-origin-with-credentials": (None, None),
    "private-address-wildcard": (None, None),
    "secret-header-exposed": (None, None),
    "expose-headers-forbidden": (None, None),
    "preflight-echoed": (None, None),
    "allow-methods-forbidden": (None, None),
    "max-age-missing": (None, None),
    "authorization-covered-by-wildcard": (None, None),
    "header-not-exposed": (None, None),
    "expose-headers-invalid": (None, None),
    "expose-headers-wildcard-with-credentials": (None, None),
    "max-age-invalid": (None, None),
    "max-age-capped": (None, None),
    "vary-origin-missing": (None, None),
    "allow-credentials-with-wildcard": (None, None),
    "set-cookie-ignored": (None, None),
    "timing-allow-origin-missing": (None, None),
    "preflight-not-seen": (None, None),
    "preflight-not-followed": (None, None),
    "set-cookie-refused": (None, None),
    "response-opaque": (None, None),
    "own-origin-refused": (None, None),
    "websocket-refused": (None, None),
    "sticky-cookie-not-returned": (None, None),
}
# What does not block by itself, and why no more than this.
NOT_BLOCKING = {
    "local-network-access": Severity.ADVICE,  # The browser decides, and behind the proxy it does not.
    "private-network-access": Severity.ADVICE,  # Was never enforced.
    "origin-null": Severity.INFO,  # Where it matters, another finding says so.
    "origin-echoed-with-credentials": Severity.RISK,  # Works for every page, and that is the trouble.
    "origin-pattern-too-loose": Severity.RISK,
    "null-origin-with-credentials": Severity.RISK,
    "http-origin-with-credentials": Severity.RISK,
    "localhost-origin-with-credentials": Severity.ADVICE,  # Takes a hole on the user's own machine.
    "shared-hosting-origin-with-credentials": Severity.ADVICE,  # The name may well be the server owner's.
    "private-address-wildcard": Severity.ADVICE,  # It may hold nothing that is for insiders only.
    "secret-header-exposed": Severity.ADVICE,  # A token may be meant for whoever asks.
    "expose-headers-forbidden": Severity.ADVICE,
    "preflight-echoed": Severity.INFO,  # Harmless where the list of pages is short.
    "allow-methods-forbidden": Severity.INFO,  # Does nothing.
    "max-age-missing": Severity.INFO,  # Costs a round trip.
    "authorization-covered-by-wildcard": Severity.ADVICE,  # No shipping browser refuses it.
    "header-not-exposed": Severity.INFO,  # Nobody knows whether the page wants to read it.
    "expose-headers-invalid": Severity.ADVICE,
    "expose-headers-wildcard-with-credentials": Severity.ADVICE,
    "max-age-invalid": Severity.ADVICE,
    "max-age-capped": Severity.INFO,  # Does no harm.
    "vary-origin-missing": Severity.RISK,  # Works until a cache has the wrong response.
    "allow-credentials-with-wildcard": Severity.ADVICE,
    "set-cookie-ignored": Severity.INFO,  # The page may not want the cookie.
    "timing-allow-origin-missing": Severity.INFO,
    "preflight-not-seen": Severity.INFO,  # Often because the recording began later.
    "preflight-not-followed": Severity.INFO,  # Often because the page was left.
    "set-cookie-refused": Severity.ADVICE,  # The cookie may be one that no page needs.
    "response-opaque": Severity.ADVICE,  # The page may not want to read it.
    "own-origin-refused": Severity.RISK,  # The browser hands the refusal over.
    "sticky-cookie-not-returned": Severity.ADVICE,  # The server may refuse for another reason.
    "websocket-refused": Severity.ADVICE,  # Nothing of CORS, and the server may have another reason.
}
STAGES: dict[str, set[Stage]] = {
    "preflight-status-not-ok": {P},
    "preflight-redirect": {P},
    "allow-methods-invalid": {P},
    "allow-headers-invalid": {P},
    "method-not-allowed": {P},
    "method-wildcard-with-credentials": {P},
    "header-not-allowed": {P},
    "header-wildcard-with-credentials": {P},
    "redirect-url-credentials": {D},
    "redirect-scheme": {D},
    "redirect-too-many": {D},
    "mode-same-origin": {D},
    "redirect-mixed-content": {D},
    "own-origin-refused": {R},
    "websocket-refused": {R},
    "sticky-cookie-not-returned": {R},
    "corp-not-same-origin": {D, R},
    "corp-not-same-site": {D, R},
    "corp-coep": {D, R},
    "orb-blocked": {R},
    "nosniff-mime": {R},
    "private-network-access": {P},
    "origin-echoed-with-credentials": {R},
    "origin-pattern-too-loose": {R},
    "null-origin-with-credentials": {R},
    "http-origin-with-credentials": {R},
    "localhost-origin-with-credentials": {R},
    "shared-hosting-origin-with-credentials": {R},
    "private-address-wildcard": {R},
    "secret-header-exposed": {R},
    "expose-headers-forbidden": {R},
    "preflight-echoed": {P},
    "allow-methods-forbidden": {P},
    "max-age-missing": {P},
    "authorization-covered-by-wildcard": {P},
    "header-not-exposed": {R},
    "expose-headers-invalid": {R},
    "expose-headers-wildcard-with-credentials": {R},
    "max-age-invalid": {P},
    "max-age-capped": {P},
    "vary-origin-missing": {D, R},
    "set-cookie-ignored": {D, R},
    "timing-allow-origin-missing": {D, R},
    "preflight-not-seen": {D, R},
    "preflight-not-followed": {P},
    "set-cookie-refused": {D, R},
    "response-opaque": {R},
}
# Values as long as they usually get.
TYPICAL = {
    "origin": "https://app.test",
    "value": "https://www.app.test",
    "detail": "",
    "status": "401",
    "location": "https://api.test/items/",
    "method": "PATCH",
    "name": "x-requested-with",
    "scheme": "myapp",
    "count": "20",
    "error": "connection refused",
    "policy": "require-corp",
    "content_type": "application/json",
    "destination": "script",
    "host": "nas.test",
    "address": "192.168.1.20",
    "space": "local",
    "source": "a page opened from disk",
    "names": "x-total-count, x-page",
    "url": "https://api.test/items/7",
    "other": "https://www.else.test",
    "service": "netlify.app",
    "what": "methods",
    "seconds": "60",
}
# Names that these entries are about.
NOT_RESERVED = {
    "localhost-origin-with-credentials": {"localhost"},
    "shared-hosting-origin-with-credentials": {"example-one.netlify.app", "example-two.netlify.app"},
}
# Parts of the sentences that browsers print.
THEIR_WORDS = (
    "blocked by cors policy",
    "cross-origin request blocked",
    "same origin policy disallows",
    "header is present on the requested resource",
    "doesn't pass access control check",
    "must not be the wildcard",
    "contains multiple values",
    "but only one is allowed",
    "not equal to the supplied origin",
    "redirect is not allowed for a preflight",
    "is not allowed by access-control-allow",
    "does not have http ok status",
    "did not succeed",
    "reason: ",
    "did not find method",
    "cors header '",
    "missing token",
    "due to access control checks",
    "preflight response is not successful",
    "credential is not supported",
    "expected 'true'",
    "refused to execute script",
    "strict mime type checking",
    "no-cors' to fetch the resource",
)
ANCHORS = (
    "https://fetch.spec.whatwg.org/#",
    "https://html.spec.whatwg.org/multipage/",
    "https://wicg.github.io/",
    "https://github.com/annevk/orb",
    "https://www.w3.org/TR/",
)

entries = pytest.mark.parametrize("violation", CATALOGUE.values(), ids=CATALOGUE)


def texts(violation: Violation) -> tuple[str, ...]:
    return violation.title, violation.explanation, violation.fix


def without_code(text: str) -> str:
    return re.sub(r"`[^`]*`", "", text)


def test_the_list_is_complete_and_in_order() -> None:
    assert list(CATALOGUE) == list(NAMES)


@entries
def test_it_is_found_by_its_own_id(violation: Violation) -> None:
    assert by_id(violation.id) is violation
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", violation.id)


@entries
def test_browsers_names(violation: Violation) -> None:
    chromium, firefox = NAMES[violation.id]
    prefix = PREFIXED if violation.preflight_prefix else ""
    assert (violation.chromium and prefix + violation.chromium, violation.firefox) == (chromium, firefox)


def test_each_name_for_webkit_stands_for_one_sentence_of_an_entry() -> None:
    assert {violation.webkit for violation in CATALOGUE.values()} - {None} == set(SENTENCES)
    assert len(set(SENTENCES.values())) == len(SENTENCES)


@entries
def test_severity(violation: Violation) -> None:
    assert violation.severity is NOT_BLOCKING.get(violation.id, Severity.BLOCKED)


@entries
def test_stages(violation: Violation) -> None:
    assert violation.stages == STAGES.get(violation.id, {P, D, R})


@entries
def test_the_title_is_one_line(violation: Violation) -> None:
    title = violation.title.format_map({name: TYPICAL[name] for name in violation.params})
    assert len(title) <= 100
    assert title.isprintable()
    assert not title.endswith(".")
    assert "`" not in title


@entries
def test_prose(violation: Violation) -> None:
    for text, shortest, longest in ((violation.explanation, 150, 520), (violation.fix, 60, 420)):
        assert shortest <= len(text) <= longest
        assert text.endswith(".")
        assert text == " ".join(text.split())
        assert text.count("`") % 2 == 0
        # Outside code these would be read as markup.
        assert not set(without_code(text)) & set("*_<>|\\"), text
        assert "{" not in text
        assert text.isascii()
    assert 2 <= len(re.findall(r"[.:;](?: |$)", without_code(violation.explanation))) <= 12


@entries
def test_the_fix_says_who_acts_and_what_to_write(violation: Violation) -> None:
    match violation.owner:
        case FixOwner.SERVER if violation.id != "network-error":
            assert "server" in violation.fix.lower()
            assert re.search(r"`(Access-Control|Cross-Origin|Content-Type|Location|Timing|Vary|\d)", violation.fix)
        case FixOwner.CLIENT:
            assert "client" in violation.fix.lower()
        case FixOwner.NOBODY:
            assert violation.fix.startswith("Nothing has to change") or "nothing has to change" in violation.fix
        case _:
            assert violation.fix


@entries
def test_no_harmful_advice(violation: Violation) -> None:
    # A page that switches to no-cors gets a response that it cannot read.
    assert "no-cors" not in violation.fix
    for part in re.split(r"(?<=\.) ", violation.fix):
        if "`Access-Control-Allow-Origin: *`" in part:
            assert "without cookies" in part or "no cookies" in part
    for line in re.findall(r"`(Access-Control-Allow-(?:Methods|Headers)[^`]*)`", violation.fix):
        assert "*" not in line or violation.id == "authorization-covered-by-wildcard"
    assert "disable-web-security" not in violation.fix


@entries
def test_no_sentence_of_a_browser(violation: Violation) -> None:
    for text in texts(violation):
        for words in THEIR_WORDS:
            assert words not in text.lower()
        assert "simple request" not in text.lower()
        assert "whitelist" not in text.lower()


@entries
def test_the_anchor_is_a_standards_text(violation: Violation) -> None:
    assert violation.anchor.startswith(ANCHORS)
    assert re.fullmatch(r"https://[\w./-]+(#[\w?-]+)?", violation.anchor)


@entries
@pytest.mark.parametrize("side", ["broken", "fixed"])
def test_examples_parse_and_use_reserved_names(violation: Violation, side: str) -> None:
    text = getattr(violation, side)
    exchanges = parse_transcript(text)
    assert exchanges
    assert text == "\n".join(line.strip() for line in text.splitlines())
    hosts = re.findall(r"https?://(?:[^/\s]*@)?([^/\s:,]+)", text)
    assert hosts
    for host in hosts:
        assert host.endswith(".test") or host in NOT_RESERVED.get(violation.id, ())
    for exchange in exchanges:
        assert exchange.request.url.startswith("https://")
        # Browsers send the three together to such URLs.
        for name in ("Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site"):
            assert len(exchange.request.headers.get_all(name)) == 1, text


@entries
def test_the_two_examples_differ(violation: Violation) -> None:
    assert violation.broken != violation.fixed


def test_ids_are_not_repeated_in_other_words() -> None:
    titles = [violation.title for violation in CATALOGUE.values()]
    assert len(set(titles)) == len(titles)
    explanations = [violation.explanation for violation in CATALOGUE.values()]
    assert len(set(explanations)) == len(explanations)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("allow-orgin-missing", ("allow-origin-missing",)),  # A slip of the finger.
        ("Allow_Origin Missing", ("allow-origin-missing",)),  # As in a headline, or as in code.
        ("MissingAllowOriginHeader", ("allow-origin-missing",)),  # Chromium's name.
        ("PreflightMissingAllowOriginHeader", ("allow-origin-missing",)),  # The same on a preflight.
        ("CORSMethodNotFound", ("method-not-allowed", "method-wildcard-with-credentials")),  # Firefox's name for both.
        ("vary", ("vary-origin-missing",)),  # A part of it.
        ("method-not-allow", ("method-not-allowed",)),
        ("quux", ()),
        ("", ()),
        (" - ", ()),
    ],
)
def test_near_misses(typed: str, found: tuple[str, ...]) -> None:
    assert suggestions(typed) == found


def test_an_unknown_id_is_told_with_its_near_misses() -> None:
    with pytest.raises(UnknownViolationError) as caught:
        by_id("header-not-alowed")
    assert str(caught.value) == "there is no violation 'header-not-alowed'; did you mean header-not-allowed?"
    assert caught.value.suggestions == ("header-not-allowed",)
    with pytest.raises(UnknownViolationError, match=r"^there is no violation 'quux'$"):
        by_id("quux")


@given(st.text(max_size=60))
def test_suggestions_are_ids_and_few(typed: str) -> None:
    found = suggestions(typed)
    assert len(found) <= 3
    assert len(set(found)) == len(found)
    assert set(found) <= set(CATALOGUE)
