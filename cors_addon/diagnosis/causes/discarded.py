"""Cookies that browsers refuse or do not send back, and requests whose responses no script can read."""

from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...traffic.browser_family import BrowserFamily
from ...traffic.cookies import Refusal, is_sticky
from ...traffic.host_policies import Sighting
from ...verdict.model import Cause, Confidence, Finding
from .cause import CauseEntry, Rank
from .context import Scene, name_of, shown

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

SAME_SITE: Final = CauseEntry(
    "cookie-same-site",
    "The cookie's SameSite blocks it for pages of other sites",
    "The server sets the cookie with SameSite=Lax or Strict, or without SameSite (Lax in Chromium), in a response to a "
    "page of another site.",
    FixOwner.SERVER,
    "Set the cookie with SameSite=None; Secure, or serve page and API from one site. Safari blocks third-party cookies "
    "whatever SameSite says.",
)
SECURE: Final = CauseEntry(
    "cookie-secure",
    "The browser refuses the cookie, because SameSite=None needs Secure, or Secure needs https",
    "The cookie has SameSite=None or a name with a prefix and lacks Secure, or has Secure and is set over http.",
    FixOwner.SERVER,
    "Set the cookie with Secure and serve the API over https. Where page and API share a site, as on localhost, "
    "SameSite=Lax without Secure is enough.",
)
DOMAIN: Final = CauseEntry(
    "cookie-domain",
    "The cookie's Domain does not cover the host that sets it",
    "Domain names another host, or a suffix that many share; or the name begins with __Host-, which allows no Domain.",
    FixOwner.SERVER,
    "Omit Domain, or set it to the host's own domain: a server cannot set cookies for another one.",
)
THIRD_PARTY: Final = CauseEntry(
    "third-party-cookies-blocked",
    "The browser sends no cookies to other sites",
    "The response is 401 or 403, the request carried no cookie, and Sec-Fetch-Storage-Access: none says that the "
    "browser blocks third-party cookies.",
    FixOwner.BROWSER,
    "Serve page and API from one site, send a token in Authorization, or have the cookie set with Partitioned. To "
    "test, allow third-party cookies in the browser's settings.",
    where="In the page or on the server",
)
NO_CORS: Final = CauseEntry(
    "no-cors-as-a-fix",
    "Mode no-cors was set to silence a CORS error",
    "The page requests data with mode no-cors, and its earlier requests to the same path failed the CORS check.",
    FixOwner.CLIENT,
    "Remove mode: 'no-cors', and fix what made the first requests fail.",
)

STICKY: Final = CauseEntry(
    "sticky-cookie-not-sent-back",
    "The load balancer's sticky cookie is not sent back, because the request is made without credentials",
    "A response sets a load balancer's cookie (AWSALB, ARRAffinity, io, SERVERID...), and the page's next request to "
    "the host carries no cookie and fails.",
    FixOwner.CLIENT,
    "Make the request with credentials (withCredentials: true; fetch: credentials: 'include'), and have the server "
    "name the page's origin and send Access-Control-Allow-Credentials: true. Or use the WebSocket transport only.",
    rank=Rank.SESSION,
)

NOT_INCLUDED: Final = CauseEntry(
    "credentials-not-included",
    "The page's request is made without credentials, so the session's cookie is not sent",
    "An earlier response set a cookie that browsers keep, and the page's next request to the host carries no cookie "
    "and gets 401 or 403.",
    FixOwner.CLIENT,
    "Make this request, and the one that signs in, with credentials: 'include' (fetch) or withCredentials: true "
    "(XMLHttpRequest, axios). The server names the page's origin and sends Access-Control-Allow-Credentials: true.",
    rank=Rank.SESSION,
)

ENTRIES: Final = (SAME_SITE, SECURE, DOMAIN, THIRD_PARTY, NO_CORS, STICKY, NOT_INCLUDED)

_BY_REFUSAL: Final = {
    Refusal.SAME_SITE: SAME_SITE,
    Refusal.NO_SAME_SITE: SAME_SITE,
    Refusal.NOT_SECURE: SECURE,
    Refusal.SECURE_OVER_HTTP: SECURE,
    Refusal.DOMAIN: DOMAIN,
}
_HOW: Final = {
    Refusal.SAME_SITE: "it has SameSite=Lax or Strict, and the page is of another site",
    Refusal.NO_SAME_SITE: "it has no SameSite (Lax in Chromium), and the page is of another site",
    Refusal.NOT_SECURE: "SameSite=None or its prefix needs Secure, which is not set",
    Refusal.SECURE_OVER_HTTP: "it is Secure and was set over http",
    Refusal.DOMAIN: "its Domain does not cover the host",
}


def cookies(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a cookie that was refused, where it was set and where it is missing."""
    for each in scene.cookies.of(scene.record):
        if each.why is Refusal.THIRD_PARTY:
            message = f"status {scene.status} without a cookie, and Sec-Fetch-Storage-Access: none"
            yield THIRD_PARTY.named(MEDIUM, message, (scene.id,))
            continue
        where = "" if each.exchange_id == scene.id else ", set earlier and not sent here"
        message = f"cookie {shown(each.name, 60)}{where}: {_HOW[each.why]}"
        # Without the cookie 401 is what one would expect; whether another one is meant is not known.
        confidence = HIGH if finding.id == "set-cookie-refused" and not where else MEDIUM
        entry = _BY_REFUSAL[each.why]
        over_http = entry is SAME_SITE and scene.target is not None and scene.target.scheme == "http"
        fix = f"{entry.fix} Secure needs https: serve the API over it first." if over_http else None
        yield entry.named(confidence, message, (each.exchange_id, scene.id), fix=fix)


def opaque(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For data that is fetched with mode no-cors."""
    page = scene.record.page_origin
    failed = next((each for each in scene.at_path if _failed(each, page)), None)
    if failed is None:
        return
    kind = "preflight" if failed.answer.is_preflight else shown(failed.answer.method, 20)
    message = f"the page's {kind} to this path failed the CORS check, and this request has mode no-cors"
    yield NO_CORS.named(HIGH, message, (failed.flow, scene.id))


def _failed(sighting: Sighting, page: str | None) -> bool:
    return sighting.answer.origin == page and not sighting.answer.allows


def sticky(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a cookie that does not come back: a load balancer's, or that of a session."""
    names = finding.params.get("names", "")
    if not is_sticky(names):
        how = f"{shown(names, 80)} was set before; {name_of(scene.record)} carries no cookie and got {scene.status}"
        if scene.record.browser is BrowserFamily.WEBKIT and scene.record.classification.site != "same-site":
            fix = (
                "Safari blocks third-party cookies: serve page and API from one site, or send a token in Authorization."
            )
            yield THIRD_PARTY.named(MEDIUM, f"{how}, in Safari", (scene.id,), fix=fix, rank=Rank.SESSION)
        else:
            yield NOT_INCLUDED.named(MEDIUM, how, (scene.id,))
        return
    how = (
        f"{shown(names, 80)} was set for {shown(scene.origin, 60)}; {name_of(scene.record)} carries no cookie "
        f"and got {scene.status}"
    )
    yield STICKY.named(MEDIUM, how, (scene.id,))
