"""Whose cookie is it, told by its name: an application's, or one that a machine on the way sets for itself."""

from typing import Final

from ..fetch.headers import HeaderList

OF_MACHINES: Final = (
    *("awsalb", "awselb", "arraffinity", "bigipserver", "incap_ses", "visid_incap", "nlbi_", "__cf", "_cfuvid"),
    *("cf_", "ak_bmsc", "bm_", "akamai", "datadome", "serverid", "gclb"),
)
"""Beginnings of names that load balancers and firewalls set for themselves, often beside a twin for other sites."""

_MOST: Final = 50


def sets_session_cookie(headers: HeaderList) -> bool:
    """Say whether a response sets a cookie that an application means to get back: none is deleted, none a machine's."""
    if headers.set_cookie is None:
        return False
    for line in headers.get_all("Set-Cookie")[:_MOST]:
        name, _, rest = line.partition("=")
        attributes = rest.lower().replace(" ", "")
        deletes = "max-age=0" in attributes or "max-age=-" in attributes or "expires=thu,01jan1970" in attributes
        if not name.strip().lower().startswith(OF_MACHINES) and not deletes:
            return True
    return False
