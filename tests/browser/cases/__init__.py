"""The table: every case, from the files of this folder, each about one part of the protocol."""

from tests.browser.cases import (
    cache,
    credentials,
    failures,
    loaders,
    neighbours,
    origins,
    preflight,
    redirects,
    sharing,
)
from tests.browser.cases.case import Case

CASES: tuple[Case, ...] = (
    *sharing.CASES,
    *preflight.CASES,
    *redirects.CASES,
    *cache.CASES,
    *credentials.CASES,
    *loaders.CASES,
    *neighbours.CASES,
    *failures.CASES,
    *origins.CASES,
)
