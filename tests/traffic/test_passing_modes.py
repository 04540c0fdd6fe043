"""Under which modes a response passes, and how long a grant is kept."""

from cors_addon.traffic.correlate import Correlator
from cors_addon.traffic.exchange import Exchange
from cors_addon.traffic.passing_modes import surviving_modes
from cors_addon.traffic.preflight_rules import CAPS, grant_seconds
from tests.fetch.table import BOTH_MODES, NOT_INCLUDE, headers, table
from tests.traffic.exchanges import APP, ITEMS, allow, cors, preflight


def test_an_unknown_browser_keeps_what_chromium_keeps() -> None:
    assert grant_seconds(None, headers("Access-Control-Max-Age:86400")) == max(*CAPS.values()) / 12


@table(
    "modes, found",
    ("a response for everybody", (NOT_INCLUDE,), cors(f"GET {ITEMS}", answer=allow("*"))),
    ("a response with credentials", BOTH_MODES, cors(f"GET {ITEMS}", answer=allow(credentials=True))),
    ("a response without headers", (), cors(f"GET {ITEMS}")),
    ("no response", (), cors(f"GET {ITEMS}", status=None)),
    ("a preflight's status", (), preflight(f"PUT {ITEMS}", status=404, answer=allow("*", methods="PUT"))),
    ("a preflight's method", (), preflight(f"PUT {ITEMS}", answer=allow(credentials=True, methods="GET"))),
    (
        "Authorization under a wildcard",
        (NOT_INCLUDE,),
        preflight(f"GET {ITEMS}", "authorization", answer=allow("*", names="*")),
    ),
    (
        "a preflight to the page's own server, in Firefox",
        BOTH_MODES,
        preflight(f"PUT {APP}/a", answer=["Access-Control-Allow-Methods: PUT"], browser="firefox"),
    ),
    (
        "in no other browser",
        (),
        preflight(f"PUT {APP}/a", answer=["Access-Control-Allow-Methods: PUT"], browser="chromium"),
    ),
    (
        "whose list is looked at all the same",
        (NOT_INCLUDE,),
        preflight(f"PUT {APP}/a", answer=["Access-Control-Allow-Methods: *"], browser="firefox"),
    ),
    ("a preflight in order", BOTH_MODES, preflight(f"PUT {ITEMS}", answer=allow(credentials=True, methods="PUT"))),
)
def test_surviving_modes(modes: tuple[object, ...], found: Exchange) -> None:
    correlator = Correlator()
    correlator.observe(found)
    assert surviving_modes(correlator.records["1"]) == {*modes}
