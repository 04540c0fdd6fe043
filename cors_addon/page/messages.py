"""What reaches the live page and what it answers, whatever server carries them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

from ..fetch.headers import HeaderList
from .html_text import line

_LONGEST_FORM: Final = 16_384
_BARE_POLICY: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request reaches the page.

    ``base`` is the path that the page's own URLs begin with, ``rest`` what follows it, without the query. ``origin`` is
    the page's own origin, which it shares with nobody. ``wrong`` says what keeps this from being the page's address.
    """

    base: str
    rest: str
    query: str
    origin: str
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for the page. ``body`` is as it was sent, ``client`` the IP address that sent it."""

    method: str
    place: Place
    headers: HeaderList
    body: bytes = b""
    client: str = ""

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form; none of anything else."""
        kind = (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded" or len(self.body) > _LONGEST_FORM:
            return {}
        try:
            fields = parse_qs(self.body.decode("utf-8"), keep_blank_values=True, max_num_fields=20)
        except ValueError:
            return {}
        return {name: values[0] for name, values in fields.items() if len(values) == 1}


@dataclass(frozen=True, slots=True)
class PageResponse:
    """A response of the page. The names of ``headers`` are lower-case; who sends it adds the length."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def response(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> PageResponse:
    """Make a response that is closed to every other origin."""
    fields = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": _BARE_POLICY,
        "cache-control": "no-store",
        "cross-origin-resource-policy": "same-origin",
        # With no-referrer, browsers would send the page's own forms with an opaque origin.
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        **(headers or {}),
    }
    if not body:
        del fields["content-type"]
    return PageResponse(status, body, fields)


def json_response(status: int, data: Mapping[str, Any]) -> PageResponse:
    """Make a response of plain data."""
    # Inert even where somebody takes it for HTML.
    body = (
        json.dumps(data, separators=(",", ":")).replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")
    )
    return response(status, body.encode("ascii"), {"content-type": "application/json"})


def sentence_response(
    status: int, sentence: str, base: str = "", headers: Mapping[str, str] | None = None
) -> PageResponse:
    """Make a document of one sentence; ``base`` is the path of the page, for a link back to it."""
    back = f'<p><a href="{line(base)}">The live page</a></p>' if base else ""
    body = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>CORS</title><h1>CORS</h1><p>{line(sentence, 2_000)}</p>{back}</html>"
    )
    return response(status, body.encode("utf-8", "backslashreplace"), headers)
