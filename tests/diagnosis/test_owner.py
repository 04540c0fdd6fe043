"""Whose host is it: mine, a platform that I configure, a third party's, or nobody knows whose."""

import pytest

from cors_addon.diagnosis.owner import owner_of
from cors_addon.diagnosis.session import Session
from cors_addon.fetch.origins import Origin
from tests.traffic.exchanges import cors

HOSTS = [
    ("https://www.shop.com", "https://api.shop.com/x", "mine", ""),
    ("https://app.vercel.app", "https://other.vercel.app/x", "unknown", "Vercel"),
    ("https://shop.com", "http://localhost:8000/x", "mine", ""),
    ("https://shop.com", "http://192.168.1.4:11434/x", "mine", ""),
    ("https://shop.com", "https://nas.local/x", "mine", ""),
    ("https://shop.com", "https://api.other.test/x", "mine", ""),
    ("https://shop.com", "https://files.s3.eu-west-1.amazonaws.com/x", "platform", "Amazon S3"),
    ("https://shop.com", "https://storage.googleapis.com/b/x", "platform", "Google Cloud Storage"),
    ("https://shop.com", "https://a1.execute-api.eu-central-1.amazonaws.com/x", "platform", "Amazon API Gateway"),
    ("https://shop.com", "https://accounts.google.com/o/oauth2/auth", "platform", "Google sign-in"),
    ("https://shop.com", "https://api.github.com/x", "third-party", "GitHub"),
    ("https://shop.com", "https://www.googleapis.com/x", "third-party", "Google"),
    ("https://shop.com", "https://github.com.evil.example/x", "unknown", ""),
    ("https://shop.com", "https://api.weather.example/x", "unknown", ""),
    ("null", "https://api.weather.example/x", "unknown", ""),
]


def owned(page: str, url: str, *answer: str, **more: object) -> tuple[str, str]:
    session = Session()
    exchange = cors(f"GET {url}", origin=page, answer=answer)
    session.observe(exchange)
    owner = owner_of(session.correlator.records[exchange.id], **more)  # type: ignore[arg-type]
    return owner.kind, owner.name


@pytest.mark.parametrize(("page", "url", "kind", "name"), HOSTS)
def test_by_the_name(page: str, url: str, kind: str, name: str) -> None:
    assert owned(page, url) == (kind, name)


def test_what_answered_outweighs_the_name() -> None:
    assert owned("https://www.shop.com", "https://files.shop.com/x", "Server: AmazonS3") == ("platform", "Amazon S3")


def test_the_rule_file_outweighs_all() -> None:
    def lists(host: Origin) -> bool:
        return host.host == "api.github.com"

    assert owned("https://shop.com", "https://api.github.com/x", own_hosts=lists) == ("mine", "")
