"""Actions that change the configuration: tenants, locations, mappings, preferences and connections."""

import msgspec

from shared.domain.ids import LocationId, TenantId
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.preferences.preferences import Mode
from tests.simulation.engine.cluster import GROUPS, MODES, listed, mapping_of, preferences, ran
from tests.simulation.engine.requests import BY, SSO, connect, create_tenant, form_of
from tests.simulation.engine.stage import Stage
from tests.support.builders import BACK_END


def put_mapping(stage: Stage, tenant: TenantId) -> None:
    """Change which groups feed a location."""
    location = stage.location()
    groups = [GroupMapping(id=group) for group in stage.random.sample(GROUPS, stage.random.randint(1, 2))]
    stage.configure(tenant, f"PUT mapping {location}", lambda app: app.locations.put_mapping(tenant, location, groups))


def put_preferences(stage: Stage, tenant: TenantId) -> None:
    """Change the mode, or whether people are deactivated."""
    stored = ran(stage.cluster.view.settings.get_preferences(tenant))
    if stage.random.random() < 0.5:
        changed = msgspec.structs.replace(stored, mode=Mode.FULL if stored.mode is Mode.GROUPS else Mode.GROUPS)
    else:
        changed = msgspec.structs.replace(stored, deactivate_missing=not stored.deactivate_missing)
    stage.configure(tenant, "PUT preferences", lambda app: app.preferences.put(tenant, changed))


def recreate_location(stage: Stage, tenant: TenantId) -> None:
    """Delete a location, or create it again."""
    location = stage.location()
    known = {stored.id for stored in ran(stage.cluster.view.settings.list_locations(tenant))}
    if location in known and len(known) > 1:
        stage.configure(tenant, f"DELETE {location}", lambda app: app.locations.delete(tenant, location))
    else:
        stage.configure(tenant, f"PUT {location}", lambda app: app.locations.put(tenant, location, location))


def recreate_tenant(stage: Stage, tenant: TenantId) -> None:
    """Delete a tenant, or create it again."""
    if is_connected(stage, tenant):
        stage.pauses.pop(tenant, None)
        stage.resuming(tenant)  # a deletion does not wait
        stage.host.call(f"DELETE {tenant}", lambda app: app.tenants.delete(tenant), lambda: stage.deleted(tenant))
    else:
        _create(stage, tenant)


def is_connected(stage: Stage, tenant: TenantId) -> bool:
    """Return whether a tenant exists and has a connection."""
    return ran(stage.cluster.view.connections.find(tenant)) is not None


def connect_again(stage: Stage, tenant: TenantId) -> None:
    """Connect a tenant that has no connection; create it if it does not exist."""
    if tenant in {stored.id for stored in listed(stage.cluster.view.tenants.list_tenants())}:
        directory = stage.cluster.directory(tenant)
        stage.configure(tenant, "PUT sign-in and connection", lambda app: connect(app, tenant, directory))
    else:
        _create(stage, tenant)


def _create(stage: Stage, tenant: TenantId) -> None:
    mode, directory = MODES[tenant], stage.cluster.directory(tenant)
    mapping = {LocationId(location): groups for location, groups in mapping_of(mode).items()}
    stage.configure(
        tenant, f"PUT {tenant}", lambda app: create_tenant(app, tenant, directory, preferences(mode), mapping)
    )


def rotate_secret(stage: Stage, tenant: TenantId) -> None:
    """Let the secret of the directory end, and enter the new one, in most cases immediately."""
    directory = stage.cluster.directory(tenant)
    directory.secret = f"the-right-secret-{stage.number()}"
    stage.note(f"{tenant}'s directory: another secret")
    if stage.random.random() < 0.7:
        reconnect(stage, tenant)


def reconnect(stage: Stage, tenant: TenantId) -> None:
    """Enter the credentials again."""
    form = form_of(stage.cluster.directory(tenant))
    stage.configure(tenant, "PUT connection", lambda app: app.connect.connect(tenant, form, BACK_END))


def disconnect(stage: Stage, tenant: TenantId) -> None:
    """Switch the connection off."""
    stage.configure(tenant, "DELETE connection", lambda app: app.connect.disconnect(tenant))


def remove_sign_in(stage: Stage, tenant: TenantId) -> None:
    """Remove the sign-in application, and with it the connection; or enter it again."""
    if ran(stage.cluster.view.settings.find_sso(tenant)) is not None:
        stage.configure(tenant, "DELETE sign-in", lambda app: app.connect.remove_sso(tenant))
    else:
        stage.configure(tenant, "PUT sign-in", lambda app: app.connect.put_sso(tenant, SSO))


def pause(stage: Stage, tenant: TenantId) -> None:
    """Pause a tenant, or resume it."""
    if stage.pauses.get(tenant):
        resume(stage, tenant)
    elif tenant not in stage.pauses:
        stage.pauses[tenant], life = False, stage.cluster.lives[tenant]

        def returned() -> None:
            stage.pauses[tenant] = True
            if life == stage.cluster.lives[tenant]:  # a tenant that is created again is not paused
                stage.paused(tenant)

        stage.host.call(f"POST pause {tenant}", lambda app: app.emergency_stop.pause(tenant, BY), returned)


def resume(stage: Stage, tenant: TenantId) -> None:
    """Resume a tenant."""
    stage.pauses[tenant] = False
    stage.resuming(tenant)

    def returned() -> None:
        stage.pauses.pop(tenant, None)

    stage.host.call(f"POST resume {tenant}", lambda app: app.emergency_stop.resume(tenant, BY), returned)
