import pytest

from cors_addon.catalogue import CATALOGUE
from cors_addon.catalogue.render import WIDTH, chromium_names, explain_text, list_text, mdn_url, title_of
from cors_addon.catalogue.violation import Severity, Violation
from cors_addon.catalogue.webkit_names import SENTENCES

entries = pytest.mark.parametrize("violation", CATALOGUE.values(), ids=CATALOGUE)

WHOLE = """\
preflight-redirect (blocked; fix in the page's code)
  The preflight got <status> to <location>; browsers do not follow that

What happens
  The server has to answer a preflight at the URL that the browser sent it to. Browsers do not
  follow its redirects, and never send the request behind it. Usual reasons: the base URL has http
  instead of https or another host name, or the path lacks a slash at its end, or has one too many.
  A login page that catches every request without a session is another. Chromium checks the redirect
  before any header, Firefox after Access-Control-Allow-Origin. Safari reports it like any other
  status outside 200 to 299.

What to change
  In the client's code: call the URL in the redirect's Location directly. If the redirect goes to a
  login, change the server: answer OPTIONS with 204 and the CORS headers before the session check.
  Send 401 instead of a redirect to scripts without a session.

Names and sources
  Chromium  PreflightDisallowedRedirect
  Firefox   CORSExternalRedirectNotAllowed
  https://developer.mozilla.org/docs/Web/HTTP/Guides/CORS/Errors/CORSExternalRedirectNotAllowed
  WebKit    PreflightNotSuccessful, our name for the sentence in Safari's console that
            says that the preflight response was no success, and gives its status code
  https://fetch.spec.whatwg.org/#cors-preflight-fetch-0

Broken
  > OPTIONS https://api.test/items
  > Origin: https://app.test
  > Sec-Fetch-Dest: empty
  > Sec-Fetch-Mode: cors
  > Sec-Fetch-Site: cross-site
  > Access-Control-Request-Method: POST
  > Access-Control-Request-Headers: content-type
  < 301
  < Location: https://api.test/items/
  < Access-Control-Allow-Origin: https://app.test
  < Vary: Origin
  < Access-Control-Allow-Methods: GET, POST
  < Access-Control-Allow-Headers: Content-Type
  < Access-Control-Max-Age: 600

Fixed
  > OPTIONS https://api.test/items/
  > Origin: https://app.test
  > Sec-Fetch-Dest: empty
  > Sec-Fetch-Mode: cors
  > Sec-Fetch-Site: cross-site
  > Access-Control-Request-Method: POST
  > Access-Control-Request-Headers: content-type
  < 204
  < Access-Control-Allow-Origin: https://app.test
  < Vary: Origin
  < Access-Control-Allow-Methods: GET, POST
  < Access-Control-Allow-Headers: Content-Type
  < Access-Control-Max-Age: 600

  > POST https://api.test/items/
  > Origin: https://app.test
  > Sec-Fetch-Dest: empty
  > Sec-Fetch-Mode: cors
  > Sec-Fetch-Site: cross-site
  > Content-Type: application/json
  < 201
  < Content-Type: application/json
  < Access-Control-Allow-Origin: https://app.test
  < Vary: Origin
"""


def test_an_entry_as_its_reader_sees_it() -> None:
    assert explain_text(CATALOGUE["preflight-redirect"]) == WHOLE


@entries
def test_an_entry_is_told_whole(violation: Violation) -> None:
    text = explain_text(violation)
    joined = " ".join(text.split())
    assert text.startswith(f"{violation.id} ({violation.severity.value}; ")
    assert violation.explanation in joined
    assert violation.fix in joined
    assert violation.anchor in joined
    for name in chromium_names(violation):
        assert name in joined
    if violation.firefox is not None:
        assert violation.firefox in joined
        assert mdn_url(violation.firefox) in joined
    if violation.webkit is not None:
        assert violation.webkit in joined
        assert SENTENCES[violation.webkit] in joined
    first, last = violation.broken.splitlines()[0], violation.fixed.splitlines()[-1]
    assert f"Broken\n  {first}\n" in text
    assert text.endswith(f"\n  {last}\n")


@entries
def test_it_fits_a_terminal_and_code_stays_in_one_piece(violation: Violation) -> None:
    text = explain_text(violation)
    told = text.partition("\nBroken\n")[0]
    for line in told.splitlines():
        assert len(line) <= WIDTH
        assert line.count("`") % 2 == 0
        assert line == line.rstrip()
    assert "\0" not in text


def test_a_long_chain_is_cut_in_the_middle() -> None:
    text = explain_text(CATALOGUE["redirect-too-many"])
    assert "> GET https://api.test/step/1\n" in text
    assert "\n\n  ... 19 more like it ...\n\n" in text
    assert "> GET https://api.test/step/21\n" in text
    assert "> GET https://api.test/step/2\n" not in text


def test_a_weakness_is_referred_to() -> None:
    assert "https://cwe.mitre.org/data/definitions/522.html" in explain_text(CATALOGUE["redirect-url-credentials"])


def test_what_has_no_name_says_so() -> None:
    assert "Chromium  no name of its own\n  Firefox   no name of its own\n" in explain_text(CATALOGUE["nosniff-mime"])


def test_the_list_has_every_entry_under_its_severity() -> None:
    text = list_text()
    blocks = dict(block.split("\n", 1) for block in text.rstrip("\n").split("\n\n"))
    assert list(blocks) == [s.value for s in Severity if any(v.severity is s for v in CATALOGUE.values())]
    for violation in CATALOGUE.values():
        assert f"  {violation.id}\n" in blocks[violation.severity.value] + "\n"
        assert title_of(violation) in " ".join(blocks[violation.severity.value].split())
    assert all(len(line) <= WIDTH for line in text.splitlines())


def test_mdns_own_spelling_of_a_page() -> None:
    errors = "https://developer.mozilla.org/docs/Web/HTTP/Guides/CORS/Errors/"
    assert mdn_url("CORSMissingAllowCredentials") == errors + "CORSMIssingAllowCredentials"
    assert mdn_url("CORSMissingAllowOrigin") == errors + "CORSMissingAllowOrigin"


def test_chromium_has_a_second_name_for_preflights() -> None:
    assert chromium_names(CATALOGUE["allow-origin-mismatch"]) == ("AllowOriginMismatch", "PreflightAllowOriginMismatch")
    assert chromium_names(CATALOGUE["preflight-redirect"]) == ("PreflightDisallowedRedirect",)
    assert chromium_names(CATALOGUE["nosniff-mime"]) == ()
