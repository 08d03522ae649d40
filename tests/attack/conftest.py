"""The deployment that is attacked."""

from collections.abc import Iterator

import pytest

from tests.attack.scene import Scene, on_the_app


@pytest.fixture
def app_modules() -> Iterator[None]:
    """Give the modules of the routes and queues their app back afterwards."""
    with on_the_app():
        yield


@pytest.fixture
async def scene(app_modules: None) -> Scene:
    """Two tenants with everything."""
    del app_modules
    made = Scene()
    await made.begin()
    return made
