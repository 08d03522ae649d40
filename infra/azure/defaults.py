"""App settings that a deployment has unless its environment replaces them."""

from typing import Final

import msgspec

from infra.azure.snapshot import FOLDER

#: Values of settings.json by name, which main.bicep deploys. An empty value leaves the default to the product.
DEFAULTS: Final = msgspec.json.decode((FOLDER / "settings.json").read_bytes(), type=dict[str, str])
