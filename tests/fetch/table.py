"""What the tests of this folder share: tables whose rows say why, and short ways to write header lists."""

import pytest

from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import CredentialsMode, Response

INCLUDE = CredentialsMode.INCLUDE
NOT_INCLUDE = CredentialsMode.NOT_INCLUDE
BOTH_MODES = (INCLUDE, NOT_INCLUDE)


def table(names: str, *rows: tuple[object, ...]) -> pytest.MarkDecorator:
    """Parametrize a test; each row is the reason that it is there, followed by one value for each of ``names``."""
    return pytest.mark.parametrize(names.split(", "), [pytest.param(*row[1:], id=str(row[0])) for row in rows])


def headers(*lines: str) -> HeaderList:
    """Build a header list from lines of ``Name: value``."""
    return HeaderList([(name, value) for name, _, value in (line.partition(":") for line in lines)])


def response(status: int, *lines: str) -> Response:
    return Response(status, headers(*lines))
