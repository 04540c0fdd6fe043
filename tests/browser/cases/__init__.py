"""The table: every case, from the files of this folder, each about one part of the protocol."""

from tests.browser.cases import preflight, redirects, sharing
from tests.browser.cases.case import Case

CASES: tuple[Case, ...] = (*sharing.CASES, *preflight.CASES, *redirects.CASES)
