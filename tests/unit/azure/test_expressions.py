"""Expressions that a snapshot leaves open."""

import pytest

from infra.azure.expressions import ExpressionError, evaluate


def lookup(resource: str, path: str) -> str:
    """Return what was asked for."""
    return f"<{resource}:{path}>"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("plain [text]", "plain [text]"),
        ("[reference('/a/b', '2025-08-01').primaryEndpoints.blob]", "</a/b:primaryEndpoints.blob>"),
        ("[format('{0}={1}', 'two', reference('/a').clientId)]", "two=</a:clientId>"),
        ("[join(createArray(format('{0}', 'it''s'), 'b'), ' ')]", "it's b"),
    ],
)
def test_values(expression: str, value: str) -> None:
    """Calls that snapshots contain."""
    assert evaluate(expression, lookup) == value


@pytest.mark.parametrize("expression", ["[concat('a', 'b')]", "[createArray('a')]", "[format('a'", "[reference]"])
def test_others_are_not_guessed(expression: str) -> None:
    """A function that is new in a snapshot is noticed."""
    with pytest.raises(ExpressionError):
        evaluate(expression if expression.endswith("]") else f"{expression}]", lookup)
