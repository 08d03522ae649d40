"""The whole app on one screen: every trigger that runs in Azure is registered here."""

import azure.functions as func

from shared.triggers import queues, timers
from shared.triggers.http import BLUEPRINTS

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

for blueprint in (timers.bp, queues.bp, *BLUEPRINTS):
    app.register_functions(blueprint)
