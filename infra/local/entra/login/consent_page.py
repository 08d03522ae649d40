"""The page on which an admin grants the permissions of an application."""

import html
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from infra.local.entra.http.answers import HTML, Answer
from infra.local.entra.login.aadsts import REFUSALS, Refused
from infra.local.entra.login.token_endpoint import Login

_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost"})


def consent_page(login: Login, tenant: str, parameters: Mapping[str, str], *, accepted: bool) -> Answer:
    """Return the consent form. After acceptance, grant consent and redirect to a local `redirect_uri`."""
    client = parameters.get("client_id", "")
    try:
        directory = login.directory(tenant)
    except Refused as refused:
        return _page(f"Sorry, but we're having trouble signing you in. {refused}", status=HTTPStatus.BAD_REQUEST)
    application = login.requested(directory, client)
    if application is None:
        message = "AADSTS700016: Application was not found in the directory."
        return _page(f"Sorry, but we're having trouble signing you in. {message}", status=HTTPStatus.BAD_REQUEST)
    if not accepted:
        roles = "".join(f"<li>{html.escape(role)}</li>" for role in sorted(application.requested_roles))
        name = html.escape(application.display_name)
        return _page(
            f"<b>{name}</b> asks for these permissions in {html.escape(directory.display_name)}:",
            f'<ul>{roles}</ul><form method="post"><button>Accept</button></form>',
        )
    directory.consent(application)
    target = parameters.get("redirect_uri", "")
    if urlsplit(target).hostname in _LOCAL_HOSTS:
        result = {"admin_consent": "True", "tenant": directory.tenant_id, "state": parameters.get("state", "")}
        location = f"{target}{'&' if '?' in target else '?'}{urlencode(result)}"
        return Answer(status=HTTPStatus.FOUND, content_type=HTML, headers={"Location": location})
    return _page("Permissions granted. You can close this page.")


def _page(sentence: str, rest: str = "", *, status: int = HTTPStatus.OK) -> Answer:
    body = f"<!doctype html><html lang=en><meta charset=utf-8><title>Sign in</title><p>{sentence}</p>{rest}</html>"
    return Answer(status=status, body=body.encode(), content_type=HTML)


def error_page(code: str) -> Answer:
    """Return the page of `/error?code=N`."""
    refusal = REFUSALS.get(int(code)) if code.isdecimal() else None
    text = refusal.text if refusal else "This error code is not known."
    return _page(f"AADSTS{html.escape(code)}: {html.escape(text)}")
