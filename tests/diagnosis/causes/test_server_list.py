"""Servers that ``server_list.txt`` tells by port, path, host or header: the plan names each one's own setting."""

import pytest

from cors_addon.diagnosis.causes import ranked
from cors_addon.diagnosis.causes.server_list import LISTED
from cors_addon.diagnosis.explanations import judge_all
from tests.diagnosis.causes.corpus import case

PAGE = "http://localhost:3000"


def fix_of(url: str, status: int, *lines: str) -> str:
    """Return where and what the first cause of a preflight's answer says is to be done; empty without a cause."""
    sent = "\n".join(f"< {line}" for line in lines)
    text = f"> OPTIONS {url}\n> from {PAGE}\n> ACRM: POST\n> ACRH: content-type\n< {status}\n{sent}\n"
    verdict = next(iter(judge_all(case("a server", text).exchanges).values()))
    return next((f"{cause.where}: {cause.fix}" for cause in ranked(verdict.findings)), "")


@pytest.mark.parametrize(
    ("url", "status", "lines", "setting"),
    [
        ("http://localhost:5005/webhooks/rest/webhook", 405, ["Allow: POST"], f'--cors "{PAGE}"'),
        ("http://localhost:9000/store/products", 204, ["Vary: Origin, Access-Control-Request-Headers"], "STORE_CORS"),
        ("https://dify.shop.example/console/api/setup", 200, ["Allow: GET"], "CONSOLE_CORS_ALLOW_ORIGINS"),
        ("https://a1.api.sanity.io/v1/data/mutate/production", 403, ["Vary: Origin"], "CORS origins"),
        ("http://localhost:8080/engine-rest/task", 404, [], "camunda.bpm.run.cors.enabled"),
        ("https://repo.example/server/api/core/items", 403, [], "rest.cors.allowed-origins"),
        ("https://forum.example/latest.json", 404, ["X-Discourse-Route: list/latest"], "DISCOURSE_ENABLE_CORS"),
        (
            "http://localhost:8081/subjects",
            405,
            ["Content-Type: application/vnd.schemaregistry.v1+json"],
            "access.control.allow.origin",
        ),
        ("http://localhost:8083/connectors", 405, ["Server: Jetty(9.4.51)"], "access.control.allow.origin"),
        ("https://odoo.shop.example/web/session/authenticate", 405, ["Server: Werkzeug/2.0"], "In front of Odoo"),
        (
            "https://cms.shop.example/api/pages",
            200,
            ["X-Powered-By: Next.js, Payload", "Access-Control-Allow-Methods: PUT, PATCH, POST, GET, DELETE, OPTIONS"],
            "payload.config.ts",
        ),
        (
            "https://cloud.shop.example/remote.php/dav/files/me/",
            401,
            ['WWW-Authenticate: Basic realm="ownCloud", charset="UTF-8"'],
            "In ownCloud's config/config.php",
        ),
        (
            "https://cloud.shop.example/remote.php/dav/files/me/",
            401,
            ['WWW-Authenticate: Basic realm="Nextcloud", charset="UTF-8"'],
            "WebAppPassword",
        ),
        ("https://acme.my.salesforce.com/services/data/v59.0/query", 404, [], "Setup, under CORS"),
        ("https://acme.service-now.com/api/now/table/x", 401, ["WWW-Authenticate: Basic"], "CORS Rules"),
        ("http://openhabian.local:8080/rest/items", 404, [], "org.openhab.cors"),
        ("http://localhost:9200/items", 200, ["Allow: GET"], "http.cors.enabled"),
        ("http://es.shop.example/items", 200, ["X-Elastic-Product: Elasticsearch"], "http.cors.enabled"),
        ("https://data.shop.example/api/3/action/package_search", 200, [], "ckan.cors.origin_whitelist"),
        ("https://hub.shop.example/.well-known/mercure", 405, ["Server: Caddy"], "cors_origins"),
        ("https://shop.example:9002/occ/v2/electronics/products", 403, [], "corsfilter.commercewebservices"),
        ("http://localhost:4503/graphql/execute.json/wknd/all", 404, [], "CORSPolicyImpl"),
        (
            "https://ecm.shop.example/alfresco/api/-default-/public/x",
            401,
            ["WWW-Authenticate: Basic"],
            "cors.enabled=true",
        ),
        ("http://localhost:12347/collect", 405, [], "cors_allowed_origins"),
        ("http://localhost:8200/intake/v2/rum/events", 403, [], "apm-server.rum.allow_origins"),
        ("http://localhost:8080/items", 200, ["Matched-Stub-Id: 7"], "--enable-stub-cors"),
        ("http://localhost:8501/v1/models/m:predict", 405, [], "--rest_api_enable_cors_support=true"),
        ("http://localhost:50021/audio_query", 403, ["Server: uvicorn"], "--allow_origin"),
        ("https://m.shop.example/rest/V1/products", 404, [], "graycore/magento2-cors"),
        ("http://localhost:8042/dicom-web/studies", 405, [], "In front of Orthanc"),
        ("http://localhost:3100/loki/api/v1/push", 405, ["Allow: POST"], "In front of Loki"),
        ("http://localhost:8123/api/states", 404, ["Server: Python/3.12 aiohttp/3.9.5"], "cors_allowed_origins"),
        ("http://homeassistant.local/api/states", 404, ["Server: nginx"], "cors_allowed_origins"),
        ("http://localhost:5000/v2/x", 401, ["Docker-Distribution-Api-Version: registry/2.0"], "proxy answer OPTIONS"),
        ("http://localhost:8200/v1/secret/x", 405, [], "Enable CORS for"),
    ],
)
def test_the_plan_names_the_program_s_own_setting(url: str, status: int, lines: list[str], setting: str) -> None:
    assert setting in fix_of(url, status, *lines)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.shop.example/api/v1/dashboard/",
        "https://api.shop.example/api/v1/connections",
        "https://api.shop.example/webhook/stripe",
        "https://api.shop.example/rest/items",
        "http://localhost:8081/subjects",
        "http://localhost:8082/api/topics",
        "http://localhost:8083/api/connectors",
        "http://localhost:9090/api/v1/users",
        "http://localhost:8080/rest/things",
        "http://localhost:8096/items",
        "https://api.shop.example/latest/dex/tokens/7",
        "https://api.shop.example/api/actuator/7",
        "https://api.shop.example/console/api/users",
        "https://api.shop.example/solr/search",
        "http://localhost:8501/api/models",
        "http://localhost:8042/api/items",
        "https://api.shop.example/rest/v1/products",
        "http://localhost:8080/rest/items",
        "http://localhost:9000/api/auth/login",
        "https://api.shop.example/jsonrpc",
        "https://api.shop.example/api/v1/prediction/7",
        "https://api.shop.example/store/products",
        "https://notsalesforce.com/services/data",
    ],
)
def test_paths_that_many_have_name_no_program(url: str) -> None:
    assert "middleware" in fix_of(url, 404)


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("https://api.shop.example/api/items", "Server: Python/3.12 aiohttp/3.9.5"),
        ("https://registry.shop.example/v2/_catalog", "Docker-Distribution-Api-Version: registry/2.0"),
        ("https://api.shop.example/api/job", "Server: TornadoServer/6.4"),
        ("https://api.shop.example/api/2.0/mlflow/runs/search", "Server: databricks"),
    ],
)
def test_headers_that_many_send_name_no_program(url: str, line: str) -> None:
    assert "middleware" in fix_of(url, 404, line)


def test_each_block_says_where_and_what() -> None:
    for server in LISTED:
        assert server.because, server.name
        assert server.where.startswith(("In ", "Where ", "On ", "With ")), server.name
        assert server.setting.endswith((".", "*)")), server.name
