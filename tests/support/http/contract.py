"""Holds every answer of the API to the document that it publishes about itself."""

import json
import re
from functools import cache
from typing import Any

import azure.functions as func
from jsonschema import Draft202012Validator

from shared.triggers.http.framework.openapi import document
from shared.triggers.http.framework.routing import ROUTES


def held_to_contract(method: str, path: str, address: str, answer: func.HttpResponse) -> None:
    """Raise AssertionError unless status, headers, type and content are what the document says of the route."""
    if path.startswith("portal"):  # files for people's browsers, not part of the API
        return
    if method == "HEAD":  # answers as GET does; the server drops the body
        method = "GET"
    if path.startswith("signed-in/"):
        address = address.removeprefix("signed-in/")
        found = next((route.path for route in ROUTES if route.match(method, address) is not None), None)
        if found is None:
            assert answer.status_code in {401, 403, 404, 405}
            return
        path = found
    told = document()["paths"][f"/{path}"][method.lower()]["responses"].get(str(answer.status_code))
    assert told is not None, f"{method} {path} does not say that it answers {answer.status_code}"
    for name in told.get("headers", {}):
        assert name in answer.headers, f"{method} {path} answers {answer.status_code} without {name}"
    if "content" not in told:
        assert answer.get_body() == b""
        return
    mimetype = str(answer.mimetype)
    assert mimetype in told["content"], f"{method} {path} answers {mimetype}"
    if mimetype.endswith("json"):
        validator = _validator(json.dumps(told["content"][mimetype]["schema"]))
        errors = [
            f"{error.json_path}: {error.message}" for error in validator.iter_errors(json.loads(answer.get_body()))
        ]
        assert errors == [], f"{method} {path}: {errors}"
    if mimetype == "application/problem+json":
        code = json.loads(answer.get_body())["code"]
        assert re.fullmatch(r"[A-Za-z0-9_]+", code), code


@cache
def _validator(schema: str) -> Draft202012Validator:
    whole: dict[str, Any] = {**json.loads(schema), "components": document()["components"]}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
