"""Whatever a caller sends within and beyond the contract, the API answers as its contract says, and never with 5xx."""

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation

from shared.triggers.http.framework.openapi import document
from tests.support.http.calling import Client
from tests.support.seeds import SEED

EXAMPLES = 12
SCHEMA = schemathesis.openapi.from_dict(json.loads(json.dumps(document())))
OPERATIONS = [operation.ok() for operation in SCHEMA.get_all_operations() if isinstance(operation, Ok)]
#: Of each operation what fits its contract; and, where there is anything that could be wrong, what does not.
CASES = [
    pytest.param(operation, mode, id=f"{operation.label} {mode.value}")
    for operation in OPERATIONS
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or "{" in operation.path or operation.definition.raw.get("requestBody")
]


@pytest.mark.parametrize(("operation", "mode"), CASES)
@pytest.mark.usefixtures("connected")
@seed(SEED)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(data=st.data())
async def test_the_contract_holds(
    api: Client,
    operation: APIOperation[Any, Any, Any, Any],
    mode: GenerationMode,
    data: st.DataObject,
) -> None:
    """No 5xx, no status, header or content that the document does not have."""
    case = data.draw(operation.as_strategy(generation_mode=mode))
    tenant = data.draw(st.sampled_from(["contoso", None]))
    parameters = {**(case.path_parameters or {}), **({"tenant": tenant} if tenant else {})}
    path = operation.path.strip("/")
    for name, value in parameters.items():
        path = path.replace(f"{{{name}}}", _segment(value))
    answer = await api(
        case.method, path, raw=_content(case.body), headers=_texts(case.headers), query=_texts(case.query)
    )
    assert answer.status < 500, answer.body


def _segment(value: object) -> str:
    """Return a value as one part of a path, as a client can send it."""
    return str(value).replace("/", "%2F").replace("?", "%3F").replace("#", "%23") or "%20"


def _content(body: object) -> bytes:
    if isinstance(body, bytes):
        return body
    if isinstance(body, schemathesis.core.NotSet):
        return b""
    return json.dumps(body).encode()


def _texts(values: Any) -> dict[str, str]:  # noqa: ANN401 - schemathesis's own
    return {str(name): str(value) for name, value in dict(values or {}).items()}
