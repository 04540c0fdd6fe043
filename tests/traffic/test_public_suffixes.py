"""Who shares a name with strangers, and which names are for development."""

from cors_addon.traffic.public_suffixes import has_development_word, hosting_service, is_development_name
from tests.fetch.table import table


@table(
    "host, service",
    ("a customer's page", "team.github.io", "github.io"),
    ("below a customer's page", "www.team.netlify.app", "netlify.app"),
    ("the service itself", "github.io", None),
    ("a service below a service", "x.app.github.dev", "app.github.dev"),
    ("with the region in the name", "bucket.s3.eu-west-1.amazonaws.com", "s3.eu-west-1.amazonaws.com"),
    ("a registry sells names to their owners", "shop.co.uk", None),
    ("no more than a likeness", "team.notgithub.io", None),
    ("a name of its own", "www.shop.test", None),
    ("one label", "localhost", None),
    ("nothing", "", None),
)
def test_hosting_services(host: str, service: str | None) -> None:
    assert hosting_service(host) == service


@table(
    "host, word, development",
    ("a word of its own", "api.staging.shop.example", True, True),
    ("a part of a label", "api-dev2.shop.com", True, True),
    ("the registry's label says nothing", "shop.dev", False, False),
    ("a reserved name", "api.shop.test", False, True),
    ("one label", "build", False, True),
    ("a word in a word", "devices.shop.com", False, False),
)
def test_development(host: str, word: bool, development: bool) -> None:
    assert has_development_word(host) is word
    assert is_development_name(host) is development
