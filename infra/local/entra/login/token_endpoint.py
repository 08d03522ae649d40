"""Token endpoint: issues tokens to applications, or returns the reason for a refusal."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from infra.local.entra.http.answers import Answer
from infra.local.entra.login.aadsts import REFUSALS, Refused, refusal_body
from infra.local.entra.login.assertions import check_assertion
from infra.local.entra.state import fault_actions
from infra.local.entra.state.applications import Application, ServicePrincipal
from infra.local.entra.state.directory import Directory
from infra.local.entra.state.generate import looks_like_id
from infra.local.entra.state.simulator import GRAPH_RESOURCES, State
from infra.local.entra.state.tokens import Principal

_CONTENT_TYPE = "application/json; charset=utf-8"
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-zA-Z0-9-]{1,63}\.)+[a-zA-Z]{2,63}")
_SHARED = frozenset({"common", "consumers"})
_ANY_ORGANIZATION = "organizations"
_GRANT = "client_credentials"
_SUFFIX = "/.default"
_CLIENT_SECRET = "client_secret"  # noqa: S105 - a parameter's name
_CLIENT_ASSERTION = "client_assertion"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """A form that was posted to the token endpoint."""

    tenant: str
    form: Mapping[str, str]
    correlation_id: str | None


class Login:
    """Issues tokens. It never raises errors."""

    def __init__(self, state: State) -> None:
        self._state = state

    def token(self, request: TokenRequest) -> Answer:
        """Return a token or an error response."""
        state = self._state
        client = request.form.get("client_id", "")
        directory = state.tenant(request.tenant)
        name = directory.name if directory else "?"
        action = state.faults.due(
            "login", method="POST", path=f"/{request.tenant}/oauth2/v2.0/token", directory=name, application=client
        )
        if isinstance(action, fault_actions.Refuse):
            refused = Refused(action.code, client=client, tenant=request.tenant, directory=name)
            answer = self._refused(refused, request.correlation_id)
        else:
            answer = self._answered(request)
        if action is not None:
            answer = fault_actions.apply(action, answer, state.login)
        state.metrics.note("POST token", name, answer.status, sent=len(answer.body))
        return answer

    def _answered(self, request: TokenRequest) -> Answer:
        try:
            return self._issued(request.tenant, request.form)
        except Refused as refused:
            return self._refused(refused, request.correlation_id)

    def directory(self, tenant: str) -> Directory:
        """Return the tenant, by id or domain.

        Raises:
            Refused: The tenant does not exist.
        """
        if not looks_like_id(tenant) and not _DOMAIN.fullmatch(tenant):
            raise Refused(900023, tenant=tenant)
        directory = self._state.tenant(tenant)
        if directory is None:
            raise Refused(90002, tenant=tenant)
        return directory

    def _issued(self, tenant: str, form: Mapping[str, str]) -> Answer:
        state = self._state
        client = form.get("client_id", "")
        if tenant.lower() in _SHARED:
            raise Refused(9001023)
        if tenant.lower() == _ANY_ORGANIZATION:
            raise Refused(50194, client=client, name=client)
        directory = self.directory(tenant)
        _check_form(form)
        if directory.cloud != "global":
            raise Refused(900382)
        application, principal = self._enterprise_application(directory, client)
        if not principal.enabled:
            raise Refused(7000112, client=client, name=application.display_name)
        self._check_credential(directory, application, form)
        resource = self._resource(form["scope"], directory)
        speaker = Principal(
            tid=directory.tenant_id,
            oid=principal.object_id,
            appid=application.application_id,
            roles=frozenset(principal.roles),
        )
        lifetime_s = state.settings.token_lifetime_s
        token = state.tokens.issue(speaker, audience=resource, lifetime_s=lifetime_s)
        body = {
            "token_type": "Bearer",
            "expires_in": lifetime_s,
            "ext_expires_in": lifetime_s,
            "access_token": token,
        }
        return Answer(body=msgspec.json.encode(body), content_type=_CONTENT_TYPE)

    def requested(self, directory: Directory, client: str) -> Application | None:
        """Return the application that the tenant can consent to: one of its own, or a multi-tenant one."""
        registered = self._state.application(client)
        if registered is None:
            return None
        application = registered[1]
        return application if application.home == directory.tenant_id or application.multi_tenant else None

    def _enterprise_application(self, directory: Directory, client: str) -> tuple[Application, ServicePrincipal]:
        application = self.requested(directory, client)
        if application is None:
            raise Refused(700016, client=client, directory=directory.display_name)
        principal = directory.principal_of(application)
        if principal is None:
            raise Refused(7000229, client=client, tenant=directory.tenant_id)
        return application, principal

    def _check_credential(self, directory: Directory, application: Application, form: Mapping[str, str]) -> None:
        if _CLIENT_ASSERTION in form:
            check_assertion(
                form[_CLIENT_ASSERTION],
                application,
                audiences=_assertion_audiences(self._state.login, directory),
                login=self._state.login,
                now_s=self._state.clock.epoch_s(),
            )
            return
        if _CLIENT_SECRET not in form:
            raise Refused(7000218)
        given = form[_CLIENT_SECRET]
        if not given:
            raise Refused(900144, parameter=_CLIENT_SECRET)
        secret = next((one for one in application.secrets if one.text == given), None)
        if secret is None:
            raise Refused(7000215, client=application.application_id)
        if secret.ends <= self._state.clock.now():
            raise Refused(7000222, client=application.application_id)

    def _resource(self, scope: str, directory: Directory) -> str:
        if not scope.endswith(_SUFFIX):
            raise Refused(1002012, detail=scope)
        resource = scope.removesuffix(_SUFFIX).rstrip("/")
        if resource not in {*GRAPH_RESOURCES, self._state.graph}:
            raise Refused(500011, detail=resource, directory=directory.display_name)
        return resource

    def _refused(self, refused: Refused, correlation_id: str | None, *, error: str | None = None) -> Answer:
        body = refusal_body(
            refused,
            login=self._state.login,
            now=self._state.clock.now(),
            correlation_id=correlation_id,
            error=error,
        )
        return Answer(status=REFUSALS[refused.code].status, body=body, content_type=_CONTENT_TYPE)

    def openid_configuration(self, tenant: str) -> Answer:
        """Return a tenant's discovery document. As in the real service, an unknown tenant is `invalid_tenant` here."""
        login = self._state.login
        issuer = tenant
        try:
            if tenant.lower() in {*_SHARED, _ANY_ORGANIZATION}:
                issuer = "{tenantid}"
            else:
                issuer = self.directory(tenant).tenant_id
        except Refused as refused:
            return self._refused(refused, None, error="invalid_tenant")
        base = f"{login}/{tenant}"
        body = {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{login}/{issuer}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
            "msgraph_host": self._state.graph.removeprefix("https://"),
        }
        return Answer(status=HTTPStatus.OK, body=msgspec.json.encode(body), content_type=_CONTENT_TYPE)

    def instance_discovery(self) -> Answer:
        """Return `/common/discovery/instance`, with this host as the only authority."""
        login = self._state.login
        host = login.removeprefix("https://")
        body = {
            "tenant_discovery_endpoint": f"{login}/common/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }
        return Answer(body=msgspec.json.encode(body), content_type=_CONTENT_TYPE)

    def keys(self) -> Answer:
        """Return the keys that verify tokens."""
        return Answer(body=msgspec.json.encode(self._state.tokens.keys()), content_type=_CONTENT_TYPE)


def _assertion_audiences(login: str, directory: Directory) -> frozenset[str]:
    tenants = (directory.tenant_id, directory.domain)
    return frozenset(f"{login}/{tenant}{path}" for tenant in tenants for path in ("/oauth2/v2.0/token", "/v2.0", ""))


def _check_form(form: Mapping[str, str]) -> None:
    for parameter in ("grant_type", "client_id", "scope"):
        if not form.get(parameter):
            raise Refused(900144, parameter=parameter)
    if form["grant_type"] != _GRANT:
        raise Refused(70003, detail=form["grant_type"])
