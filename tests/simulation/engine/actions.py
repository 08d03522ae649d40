"""Chooses what people, operators and directories do next in a history."""

from collections.abc import Callable
from typing import Final

from shared.domain.ids import TenantId
from tests.simulation.engine import directory_actions, look_actions, recipient_actions, run_actions, settings_actions
from tests.simulation.engine.stage import Stage

#: The actions, and how often they are chosen.
_WEIGHTS: Final[dict[Callable[[Stage, TenantId], None], float]] = {
    directory_actions.change: 8,
    directory_actions.disturb: 1,
    look_actions.look: 0.8,
    run_actions.request: 5,
    run_actions.preview: 0.5,
    run_actions.send_message: 2,
    run_actions.tick: 1,
    run_actions.watch: 2,
    run_actions.undo: 1,
    run_actions.decide: 1.5,
    run_actions.accept: 0.3,
    run_actions.replay: 0.3,
    settings_actions.put_mapping: 2,
    settings_actions.put_preferences: 2,
    settings_actions.recreate_location: 1,
    settings_actions.recreate_tenant: 0.4,
    settings_actions.rotate_secret: 0.7,
    settings_actions.reconnect: 1,
    settings_actions.disconnect: 0.2,
    settings_actions.remove_sign_in: 0.2,
    settings_actions.pause: 1,
    recipient_actions.edit: 2,
    recipient_actions.import_file: 1.5,
    recipient_actions.upload_file: 1.2,
    recipient_actions.continue_upload: 0.8,
}
#: Share of the actions that connect the tenant if it is not connected.
_CONNECTED_AGAIN: Final = 0.3


def act(stage: Stage) -> None:
    """Do one of them for a tenant, or connect it if it is not: otherwise, most of what follows would be refused."""
    tenant = stage.random.choice(stage.tenants)
    (action,) = stage.random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
    if stage.random.random() < _CONNECTED_AGAIN and not settings_actions.is_connected(stage, tenant):
        action = settings_actions.connect_again
    action(stage, tenant)
