"""APIs of third parties: which need an opt-in of the page, which are not made for pages, and what a page can do."""

import re
from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_HEADERS, ALLOW_ORIGIN
from ...fetch.methods import is_cors_safelisted_method
from ...traffic.body_hints import Hint
from ...verdict.model import Cause, Confidence, Finding
from ...verdict.redact import names_a_secret
from .cause import LACKS_ALLOW_ORIGIN, CauseEntry, Rank
from .context import Scene, shown
from .cors_code_signs import missing_in
from .pages import CROSSORIGIN, OF_ELEMENTS

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

OPT_IN: Final = CauseEntry(
    "browser-opt-in-missing",
    "The API answers pages only if the request opts in by a header",
    "The body names the header, or a known API got a request without it.",
    FixOwner.CLIENT,
    "Send the header that the API asks for. Better: call the API from your own backend, which keeps the key secret.",
    absent=LACKS_ALLOW_ORIGIN,
    headers_help=False,
    decisive=True,
)
NOT_FOR_PAGES: Final = CauseEntry(
    "endpoint-not-for-pages",
    "This endpoint is not made for pages, and its service sends no CORS headers there",
    "A known endpoint (such as GitHub's token endpoint) answers a page.",
    FixOwner.CLIENT,
    "Call the endpoint from your own backend, and return the result to the page. The client secret stays there too.",
    absent=LACKS_ALLOW_ORIGIN,
    headers_help=False,
    decisive=True,
    rank=Rank.IDENTITY,
)
THIRD_PARTY: Final = CauseEntry(
    "third-party-without-cors",
    "A third party's server does not allow this page, and only its owner can change that",
    "The host belongs to a known service, and no response of it allows the page.",
    FixOwner.CLIENT,
    "Call it from your own backend, or use a URL that the service documents for pages.",
    rank=Rank.IDENTITY,
    headers_help=False,
)
INSTEAD: Final = CauseEntry(
    "another-url-for-pages",
    "This URL is not for pages, and its service has another one that is",
    "The URL is one of MediaWiki's API without origin=*, or a file's at GitHub, GitLab, Dropbox or Cloud Storage.",
    FixOwner.CLIENT,
    "Call the URL that the service documents for pages.",
    headers_help=False,
    decisive=True,
)
LIMITS: Final = CauseEntry(
    "third-party-limits-requests",
    "A third party lets pages in, but not with this request, and only its owner can change that",
    "The host belongs to a known service, its CORS headers are there, and do not allow the method or a header.",
    FixOwner.CLIENT,
    "Call it from your own backend, or send what the service documents for pages.",
    headers_help=False,
    decisive=True,
)
KEEPS: Final = CauseEntry(
    "third-party-keeps-resource",
    "A third party does not let other sites load this, and only its owner can change that",
    "The host belongs to a known service, and its Cross-Origin-Resource-Policy excludes the page.",
    FixOwner.CLIENT,
    "Use the service's own way to embed it, or serve a copy from your own host as far as its terms allow.",
    headers_help=False,
    decisive=True,
)

ENTRIES: Final = (OPT_IN, NOT_FOR_PAGES, THIRD_PARTY, INSTEAD, LIMITS, KEEPS)

_ANTHROPIC: Final = "anthropic-dangerous-direct-browser-access"
_NOT_FOR_PAGES: Final = (
    (re.compile(r"https://github\.com/login/(?:oauth/access_token|device/code)"), "GitHub's token endpoint"),
    (re.compile(r"https://slack\.com/api/oauth\."), "Slack's token endpoint"),
    (re.compile(r"https://www\.linkedin\.com/oauth/v2/accessToken"), "LinkedIn's token endpoint"),
    (re.compile(r"https://api\.notion\.com/"), "Notion's API"),
    (re.compile(r"https://api\.(?:twitter|x)\.com/"), "X's API"),
    (re.compile(r"https://(?:discord|discordapp)\.com/api/(?:v\d+/)?oauth2/token"), "Discord's token endpoint"),
    (re.compile(r"https://(?:[a-z]+\.)?api\.riotgames\.com/"), "Riot's API"),
    (re.compile(r"https://(?:api|partner)\.steampowered\.com/"), "Steam's Web API"),
    (re.compile(r"https://api\.yelp\.com/"), "Yelp's API"),
    (re.compile(r"https://api-(?:free\.)?deepl\.com/|https://api(?:-free)?\.deepl\.com/"), "DeepL's API"),
)


_INSTEAD: Final = (
    (
        # Programs of other authors have an api.php?action= too: the folder w, or an action of MediaWiki's own, tells.
        re.compile(
            r"https?://[^/?]+/(?:(?=w/)|(?=[^#]*\baction=(?:query|parse|opensearch|wb[a-z]+|compare|expandtemplates)\b))"
            r"(?:[^?]*/)?api\.php\?(?!(?:[^#]*&)?(?:cross)?origin=)(?:[^#]*&)?action="
        ),
        "MediaWiki's API",
        "Add origin=* to the URL's query: the API then answers every page, without its cookies.",
    ),
    (
        # https://developers.google.com/maps/documentation/javascript/places
        re.compile(r"https://maps\.googleapis\.com/maps/api/(?:place|directions|distancematrix)/"),
        "This web service of Google Maps",
        "Use the Maps JavaScript API in the page (Places library, routes), or call the web service from your backend.",
    ),
    (
        # https://cloud.google.com/storage/docs/cross-origin
        re.compile(r"https://storage\.cloud\.google\.com/([^?#]*)"),
        "This URL of Cloud Storage",
        r"Use https://storage.googleapis.com/\1 (signed, where the object is private), with a CORS rule at the "
        "bucket: the endpoint for signed-in people allows no page.",
    ),
    (
        re.compile(r"https://drive\.google\.com/(?:uc|file/d)\b"),
        # https://github.com/google/google-api-javascript-client/blob/master/docs/cors.md
        "This URL of Google Drive",
        "Use Google Drive's API, which allows every page: https://www.googleapis.com/drive/v3/files/ID?alt=media "
        "with an API key, for a file that is shared with anyone.",
    ),
    (
        re.compile(r"https://github\.com/([^/?]+/[^/?]+)/(?:raw|blob)/([^?#]*)"),
        "This URL of GitHub",
        r"Use https://raw.githubusercontent.com/\1/\2, which allows every page.",
    ),
    (
        re.compile(r"https://gitlab\.com/[^?]+/-/(?:raw|blob)/"),
        "This URL of GitLab",
        "Use GitLab's API, which allows every page (the project's repository files, raw).",
    ),
    (
        re.compile(r"https://www\.dropbox\.com/(?:s|scl|sh)/"),
        "This URL of Dropbox",
        "Write dl.dropboxusercontent.com in place of www.dropbox.com: that host allows every page.",
    ),
)
"""URLs that are not for pages, whose service documents others that are: pattern, what it is, and what to do."""


def _instead(scene: Scene) -> Iterator[Cause]:
    for pattern, what, fix in _INSTEAD:
        found = pattern.match(scene.url)
        if found is not None:
            how = f"{scene.host} sent {scene.status} and does not allow the page"
            title = f"{what} is not for pages as it is called, and another form is"
            yield INSTEAD.named(HIGH, how, (scene.id,), fix=shown(found.expand(fix), 400), title=title)


def opts_in(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For an API that wants the page to say that it knows what it does."""
    if scene.says(Hint.BROWSER_OPT_IN) or (
        scene.target is not None
        and scene.target.host == "api.anthropic.com"
        and _ANTHROPIC not in scene.asked
        and _ANTHROPIC not in scene.record.asked_names
    ):
        spoken = ", and the body asks for it" if scene.says(Hint.BROWSER_OPT_IN) else ""
        method = "OPTIONS" if scene.is_preflight else shown(scene.method, 20)
        how = f"{method} got {scene.status} without {_ANTHROPIC}{spoken}"
        fix = (
            f"Send {_ANTHROPIC}: true (SDK: dangerouslyAllowBrowser: true), for keys that may be seen in the "
            "browser only. Better: call the API from your own backend."
        )
        yield OPT_IN.named(
            HIGH if spoken else MEDIUM, how, (scene.id,), fix=fix, title=f"{OPT_IN.title} ({_ANTHROPIC})"
        )


def others_only(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a service of somebody else that names another page's origin."""
    yield from _instead(scene)
    if scene.is_third_partys:
        sent = shown(scene.headers.get(ALLOW_ORIGIN) or "", 80)
        how = f"{scene.host} ({scene.owner.name}) sent {ALLOW_ORIGIN}: {sent}"
        yield THIRD_PARTY.named(HIGH, how, (scene.id,), fix=_page_can(scene), rank=Rank.EXCHANGE)


def not_for_pages(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a service of somebody else that does not let pages in."""
    if ALLOW_ORIGIN in scene.headers:
        return
    other = next(_instead(scene), None)
    if other is not None:
        yield other
        return
    known = next((name for pattern, name in _NOT_FOR_PAGES if pattern.match(scene.url)), None)
    if known is not None:
        how = f"{known} sent {scene.status} without CORS headers"
        yield NOT_FOR_PAGES.named(
            HIGH, how, (scene.id,), title=f"{known} is not made for pages, and sends them no CORS headers"
        )
        return
    if not scene.is_third_partys:
        return
    allowed = next((each for each in scene.of_host if each.answer.allows and not each.answer.is_preflight), None)
    if allowed is not None:
        return
    how = f"{scene.owner.because}, and sent {scene.status} without CORS headers"
    yield THIRD_PARTY.named(MEDIUM, how, (scene.id,), fix=_page_can(scene))


def limits(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a service of somebody else that lets pages in, and not with this method or header."""
    if not scene.is_preflight or not scene.is_third_partys or ALLOW_ORIGIN not in scene.headers:
        return
    missing = missing_in(scene)
    if not missing and scene.status >= 400 and scene.record.asked_names:
        missing = f"one of the headers {shown(', '.join(scene.record.asked_names), 80)}"
    if not missing or missing.startswith("origin"):
        return
    how = f"{scene.host} ({scene.owner.name}) sent {scene.status}, and does not allow {missing}"
    yield LIMITS.named(HIGH, how, (scene.id,), fix=_less(scene))


def _less(scene: Scene) -> str:
    """Say which headers the request has to do without, where that is all that is not allowed."""
    backend = "call it from your own backend, which needs no permission."
    asked = scene.record.asked_names
    allowed = {name.lower() for name in scene.listed(ALLOW_HEADERS)}
    refused = [name for name in asked if name not in allowed] if scene.status < 400 else [*asked]
    if not refused or not is_cors_safelisted_method(scene.method):
        return f"{backend[:1].upper()}{backend[1:]}"
    then = ": then the request needs no preflight" if len(refused) == len(asked) else ""
    return f"Leave out {shown(', '.join(refused), 80)}{then}. Or {backend}"


def keeps(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a resource of somebody else's service that its policy keeps from other sites."""
    if scene.is_third_partys:
        policy = shown(scene.headers.get("Cross-Origin-Resource-Policy") or "", 40)
        how = f"{scene.host} ({scene.owner.name}) sent Cross-Origin-Resource-Policy: {policy}"
        yield KEEPS.named(HIGH, how, (scene.id,))


def _page_can(scene: Scene) -> str:
    """Say what the page can do by itself, for this very request."""
    if scene.record.classification.destination in OF_ELEMENTS:
        return CROSSORIGIN.fix
    ways = [THIRD_PARTY.fix]
    asked = scene.record.asked_names
    if scene.is_preflight and asked and not any(map(names_a_secret, asked)) and is_cors_safelisted_method(scene.method):
        names = shown(", ".join(asked), 80)
        ways.append(f"Without {names} the request needs no preflight.")
    return " ".join(ways)
