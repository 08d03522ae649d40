"""Session with a directory: also shows the token and the app registration, which only validation needs."""

from shared.adapters.entra import links
from shared.adapters.entra.decoding import decoded
from shared.adapters.entra.directory import GraphDirectory
from shared.adapters.entra.errors import translated
from shared.adapters.entra.schema import GraphApplication
from shared.domain.connections.entra.credential_expiry import ClientKey, Registration
from shared.domain.connections.entra.guid import guid
from shared.domain.connections.entra.token_identity import TokenReport
from shared.errors import NotFound, Transient


class GraphSession(GraphDirectory):
    """A GraphDirectory that also shows its token and app registration."""

    async def registration(self, client_id: str) -> Registration | None:
        """Return the app registration of an application; None if it is registered in another tenant."""
        route = f"applications(appId='{guid(client_id)}')"
        url = links.path(self._client.graph, route, {"$select": "id,passwordCredentials"})
        try:
            application = await decoded(await self._client.get(url), GraphApplication)
        except NotFound:
            return None
        keys = [(key.hint, key.ends) for key in application.password_credentials]
        return Registration(
            object_id=application.id.lower(),
            keys=tuple(ClientKey(hint=hint, ends=ends) for hint, ends in keys if hint and ends),
        )

    async def token(self) -> TokenReport:
        """Return the claims of a fresh, uncached token; later requests use that token.

        The claims are not verified: only Graph decides what the token permits.
        """
        import jwt  # noqa: PLC0415 - no run needs it

        with translated():
            await self._client.credential.renew()
            token = await self._client.credential.get_token(self._client.scope)
        try:
            claims = jwt.decode(token.token, options={"verify_signature": False})
        except jwt.PyJWTError as error:
            raise Transient(
                "The login service gave a token that cannot be read; try again.", code="bad_answer"
            ) from error
        return TokenReport(
            azure_tenant_id=str(claims.get("tid") or ""),
            client_id=str(claims.get("appid") or claims.get("azp") or ""),
            object_id=str(claims.get("oid") or ""),
            roles=frozenset(map(str, claims.get("roles") or ())),
        )
