"""Whose setting a plan speaks of: a platform's own, or what a page can do where nobody can change the server."""

import pytest

from cors_addon.diagnosis.causes import ranked
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.plans import plan_of
from cors_addon.diagnosis.platform_settings import SETTINGS, setting_of
from tests.diagnosis.causes.corpus import case

PAGE = "https://www.shop.example"

NO_ROUTE = """
> OPTIONS {url}
> from https://www.shop.example
> ACRM: POST
> ACRH: content-type
< 404
< Content-Type: application/json
"""


def first_step(text: str) -> tuple[str, str, str]:
    verdicts = judge_all(case("a plan", text).exchanges)
    verdict = list(verdicts.values())[-1]
    step = plan_of(verdict, verdict.findings, ranked(verdict.findings))[0]
    return step.who, step.where, step.text


def test_a_platform_s_setting_stands_in_the_place_of_middleware() -> None:
    who, where, text = first_step(NO_ROUTE.format(url="https://shop.azure-api.net/orders"))
    assert (who, where) == ("platform", "In the Azure portal, at the inbound policies of All APIs or of the API")
    assert text.startswith(f"Add a cors policy with allowed-origins {PAGE}")
    assert "middleware" not in text


def test_behind_a_tunnel_the_application_s_middleware_is_told() -> None:
    who, where, text = first_step(NO_ROUTE.format(url="https://abc.ngrok-free.app/orders"))
    assert (who, where) == ("server", "")
    assert "middleware" in text


def test_no_middleware_is_told_to_a_platform_whose_setting_is_not_known() -> None:
    who, where, text = first_step(NO_ROUTE.format(url="https://abc.appsync-api.eu-west-1.amazonaws.com/graphql"))
    assert (who, where) == ("platform", "In AWS AppSync")
    assert text.startswith("Look for allowed origins in its settings")


@pytest.mark.parametrize("url", ["https://a.supabase.co/functions/v1/hi", "https://a.functions.supabase.co/hi"])
def test_of_a_function_of_supabase_s_the_code_is_told(url: str) -> None:
    _, where, _ = first_step(NO_ROUTE.format(url=url))
    assert where == "In the Edge Function's code"


def test_container_apps_have_a_setting_of_their_own() -> None:
    # https://learn.microsoft.com/azure/container-apps/cors
    _, where, text = first_step(NO_ROUTE.format(url="https://shop.happyhill-1.westeurope.azurecontainerapps.io/orders"))
    assert where == "In the Azure portal, at the container app's CORS settings"
    assert text.startswith(f"Allow origin {PAGE}")


def test_an_application_s_middleware_is_told_where_the_author_writes_it() -> None:
    _, _, text = first_step(NO_ROUTE.format(url="https://api.shop.example/orders"))
    assert "middleware" in text


def test_of_a_third_party_only_the_page_can_change() -> None:
    who, _, text = first_step(
        """
> OPTIONS https://slack.com/api/chat.postMessage
> from https://www.shop.example
> ACRM: POST
> ACRH: authorization
< 200
< ACAO: *
< ACAH: slack-route
"""
    )
    assert who == "client"
    assert text.startswith("Leave out authorization: then the request needs no preflight.")


def test_no_example_s_header_stands_in_a_third_party_s_plan() -> None:
    who, _, text = first_step(
        """
> GET https://api.openweathermap.org/data/3.0/onecall
> from https://www.shop.example
< 200
< ACAO: https://openweathermap.org
"""
    )
    assert who == "client"
    assert text.startswith("Call it from your own backend")


@pytest.mark.parametrize("platform", SETTINGS)
def test_each_setting_says_where_and_what(platform: str) -> None:
    found = setting_of(platform, PAGE)
    assert found is not None
    where, text = found
    assert where.startswith(("In ", "With "))
    assert text.endswith(".")
    assert "{" not in text


def test_what_is_not_known_has_no_setting() -> None:
    assert setting_of("Nobody's", PAGE) is None


def test_what_a_third_party_lets_its_users_set_is_a_step_of_theirs() -> None:
    _, where, text = first_step(
        """
> POST https://o1.ingest.sentry.io/api/1/envelope/
> from https://www.shop.example
> Content-Type: text/plain
< 403
"""
    )
    assert where == "In the Sentry project's settings, under Security"
    assert text == "Add www.shop.example to Allowed Domains."


def test_only_what_a_third_party_refuses_has_to_go() -> None:
    _, _, text = first_step(
        """
> OPTIONS https://api.github.com/repos/shop/web
> from https://www.shop.example
> ACRM: GET
> ACRH: authorization,x-tenant
< 204
< ACAO: *
< ACAH: Authorization
"""
    )
    assert text.startswith("Leave out x-tenant. Or call it from your own backend")


def test_of_a_private_object_the_403_is_named_beside_the_rule() -> None:
    _, _, text = first_step(
        """
> GET https://d111.cloudfront.net/a.json
> from https://www.shop.example
< 403
< Server: AmazonS3
< Content-Type: application/xml
<< <Error><Code>AccessDenied</Code></Error>
"""
    )
    assert text.endswith("Then fix the 403 itself: the object is private, or is not there.")


LACKS = """
> OPTIONS {url}
> from https://www.shop.example
> ACRM: DELETE
> ACRH: x-tenant
< 200
< ACAO: *
< ACAM: GET
< ACAH: content-type
"""


def test_what_only_lacks_a_name_is_told_which_name_to_add() -> None:
    more = "Add DELETE to Access-Control-Allow-Methods and add x-tenant to Access-Control-Allow-Headers"
    assert first_step(LACKS.format(url="https://api.shop.example/orders"))[2] == more
    where, text = first_step(LACKS.format(url="https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod/orders"))[1:]
    assert (where, text) == ("In API Gateway", f"{more}, then deploy the stage")


def test_a_request_that_signs_in_is_opened_in_place_of_being_sent() -> None:
    back = "redirect_uri=https%3A%2F%2Fapi.shop.example%2Fauth%2Fgoogle%2Fcallback"
    target = f"https://accounts.google.com/o/oauth2/v2/auth?response_type=code&{back}&client_id=1"
    who, _, text = first_step(
        f"""
> GET https://api.shop.example/auth/google
> from https://www.shop.example
< 302
< Location: {target}
"""
    )
    assert who == "client"
    assert "window.location.assign('https://api.shop.example/auth/google')" in text


def test_the_server_that_sent_a_script_to_the_login_is_the_one_to_change() -> None:
    _, where, _ = first_step(
        """
> GET https://api.shop.example/orders
> from https://www.shop.example
< 302
< ACAO: https://www.shop.example
< Location: https://sso.shop.example/login?next=1

> GET https://sso.shop.example/login?next=1
> from null
< 302
< Location: https://sso.shop.example/login/form
"""
    )
    assert where == "On the server api.shop.example"


def test_a_platform_s_setting_stands_beside_what_the_author_may_do_at_an_application_s_host() -> None:
    who, where, text = first_step(NO_ROUTE.format(url="https://shop-orders.azurewebsites.net/orders"))
    assert (who, where) == ("platform", "In the Azure portal, at the app's CORS settings")
    assert text.startswith(f"Add {PAGE} to the allowed origins")


def test_behind_proxy_integration_the_function_sends_the_header() -> None:
    """API Gateway's own OPTIONS method has it: enabling CORS once more changes nothing."""
    _, where, text = first_step(
        f"""
> OPTIONS https://abc.execute-api.eu-west-1.amazonaws.com/dev/item
> from {PAGE}
> ACRM: POST
> ACRH: content-type
< 200
< x-amz-apigw-id: 1
< ACAO: *
< ACAH: content-type

> POST https://abc.execute-api.eu-west-1.amazonaws.com/dev/item
> from {PAGE}
> Content-Type: application/json
< 200
< x-amz-apigw-id: 2
< Content-Type: application/json
"""
    )
    assert where == "In the Lambda function"
    assert "proxy integration" in text


@pytest.mark.parametrize(
    ("status", "line", "body", "where"),
    [
        (401, "Server: istio-envoy", "Jwt is missing", "In Istio"),
        (401, 'WWW-Authenticate: AzureApiManagementKey realm="x"', "", SETTINGS["Azure API Management"][0]),
        (200, "grpc-status: 12", "", "In the proxy before the gRPC server"),
    ],
)
def test_the_gateway_that_answered_a_preflight_is_where_to_act(status: int, line: str, body: str, where: str) -> None:
    step = first_step(
        f"""
> OPTIONS https://api.shop.example/v1/orders
> from {PAGE}
> ACRM: POST
> ACRH: authorization
< {status}
< {line}
<< {body}
"""
    )
    assert step[1] == where


def test_no_step_without_credentials_is_told_where_the_api_needs_them() -> None:
    _, _, text = first_step(
        f"""
> OPTIONS https://api.twilio.com/2010-04-01/Accounts
> from {PAGE}
> ACRM: POST
> ACRH: authorization
< 401
"""
    )
    assert "backend" in text
    assert "preflight" not in text


@pytest.mark.parametrize(
    ("server", "how"),
    [
        ("Microsoft-IIS/10.0", "customHeaders in web.config"),
        ("Caddy", "header_down -Access-Control-Allow-Origin"),
        ("nginx/1.26.0", "proxy_hide_header"),
        ("Apache/2.4.62", "Header onsuccess unset"),
        ("other", "DedupeResponseHeader"),
    ],
)
def test_a_doubled_header_is_dropped_by_the_directive_of_the_server_in_front(server: str, how: str) -> None:
    _, _, text = first_step(
        f"""
> GET https://api.shop.example/v1/orders
> from {PAGE}
< 200
< Server: {server}
< ACAO: {PAGE}
< ACAO: *
"""
    )
    assert how in text


def test_an_app_whose_server_nobody_can_change_gets_its_own_way_around_the_webview() -> None:
    for origin, way in (("capacitor://localhost", "CapacitorHttp"), ("http://tauri.localhost", "plugin-http")):
        _, _, text = first_step(
            f"""
> GET http://192.168.1.20/api/counter
> from {origin}
< 200
< Content-Type: application/json
"""
        )
        assert way in text


def test_behind_a_development_server_its_proxy_may_drop_origin() -> None:
    _, _, text = first_step(
        """
> POST http://localhost:3000/api/users
> Origin: http://localhost:3000
> Referer: http://localhost:3000/
> Sec-Fetch-Mode: cors
> Sec-Fetch-Site: same-origin
> Sec-Fetch-Dest: empty
< 403
< Content-Type: text/plain
<< Invalid CORS request
"""
    )
    assert "removeHeader('origin')" in text


@pytest.mark.parametrize(
    ("length", "sent", "named"),
    [
        (20480, "Server: awselb/2.0", True),
        (8192, "Server: awselb/2.0", False),
        (20480, "x-amzn-ErrorType: ForbiddenException", True),
        (20480, "x-amzn-ErrorType: UnauthorizedException", False),
        (20480, "Server: AkamaiGHost", False),
    ],
)
def test_a_refusal_by_awss_firewall_names_its_rule_for_large_bodies(length: int, sent: str, named: bool) -> None:
    _, _, text = first_step(
        f"""
> POST https://api.shop.example/notes
> from {PAGE}
> Content-Type: text/plain
> Content-Length: {length}
< 403
< {sent}
"""
    )
    assert ("SizeRestrictions_BODY" in text) is named


def test_a_service_that_limits_the_rate_is_called_less_often() -> None:
    _, _, text = first_step(
        """
> GET https://api.coingecko.com/api/v3/ping
> Origin: http://localhost:3000
> Sec-Fetch-Mode: cors
> Sec-Fetch-Site: cross-site
> Sec-Fetch-Dest: empty
< 429
< Retry-After: 60
"""
    )
    assert text.startswith("Send fewer requests")


@pytest.mark.parametrize(
    ("url", "where", "begins"),
    [
        ("https://us-central1-app.cloudfunctions.net/add", "In Google Cloud Functions", "Look for the error"),
        ("https://site.netlify.app/.netlify/functions/hello", "", "Look for the error"),
    ],
)
def test_an_error_is_looked_for_where_the_program_logs_it(url: str, where: str, begins: str) -> None:
    step = first_step(
        f"""
> POST {url}
> Origin: http://localhost:3000
> Sec-Fetch-Mode: cors
> Sec-Fetch-Site: cross-site
> Sec-Fetch-Dest: empty
< 500
< Content-Type: text/plain
"""
    )
    assert where in step
    assert step[2].startswith(begins)


REFUSED = """
> GET {url}
> from https://www.shop.example
< 403
< Content-Type: application/json
<< {{"code":"cors_origin_not_whitelisted"}}
"""


def test_the_list_that_refused_the_origin_is_where_it_goes() -> None:
    # https://developer.box.com/guides/security/cors
    _, where, text = first_step(REFUSED.format(url="https://api.box.com/2.0/folders/0"))
    assert (where, text) == (
        "In Box's developer console, at the app's Configuration",
        f"Add {PAGE} to the CORS Domains.",
    )


def test_a_third_party_that_refuses_an_origin_may_keep_a_list_of_its_customers_origins() -> None:
    who, _, text = first_step(REFUSED.format(url="https://api.trello.com/1/boards"))
    assert who == "client"
    assert text.startswith("Register the page's origin in the account's or key's settings at the service")
