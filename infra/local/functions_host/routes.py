"""Route templates as in ASP.NET: `tenants/{tenant}`, `{id:guid}`, `{page:int?}`, `{name=all}`, `{*rest}`.

Routes are tried in order. A route whose constraints or methods do not match is skipped, so a wrong method is a 404.

Source: https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-constraints
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from infra.local.functions_host.definitions import FunctionDefinition, HttpTrigger
from infra.local.functions_host.errors import Rejected

_PARAMETER = re.compile(
    r"\{(?P<star>\*{0,2})(?P<name>[A-Za-z_]\w*)(?P<constraints>(?::[a-z]+(?:\(.*?\))?)*)"
    r"(?:=(?P<default>[^?{}]*))?(?P<optional>\?)?\}"
)
_CONSTRAINT = re.compile(r":([a-z]+)(?:\((.*?)\))?")
_SIMPLE = {
    "int": r"-?[0-9]{1,10}",
    "long": r"-?[0-9]{1,19}",
    "guid": r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}",
    "alpha": r"[A-Za-z]+",
    "bool": r"(?i:true|false)",
    "decimal": r"-?[0-9]+(?:\.[0-9]+)?",
    "double": r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?",
    "float": r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?",
    "required": r"(?s:.+)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    pattern: re.Pattern[str]
    #: pattern that the complete value of a parameter must match
    constraints: Mapping[str, Sequence[re.Pattern[str]]]
    #: value of a parameter if the path is too short to contain it
    defaults: Mapping[str, str]
    may_miss: bool
    takes_rest: bool

    def read(self, text: str) -> dict[str, str] | None:
        """Return the parameters of a matching segment, or None."""
        match = self.pattern.fullmatch(text)
        if match is None:
            return None
        values = {name: value for name, value in match.groupdict().items() if value}
        fits = all(rule.fullmatch(value) for name, value in values.items() for rule in self.constraints[name])
        return values if fits else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The route of one function."""

    function: FunctionDefinition
    trigger: HttpTrigger
    #: with the route prefix
    template: str
    segments: tuple[_Segment, ...]

    def match(self, parts: Sequence[str]) -> dict[str, str] | None:
        """Return the parameters of a matching path, without omitted ones. None if the path does not match."""
        values: dict[str, str] = {}
        for index, segment in enumerate(self.segments):
            if index >= len(parts):
                if not segment.may_miss:
                    return None
                values |= segment.defaults
                continue
            segment_values = segment.read("/".join(parts[index:]) if segment.takes_rest else parts[index])
            if segment_values is None:
                return None
            values |= segment_values
            if segment.takes_rest:
                return values
        return values if len(parts) <= len(self.segments) else None


class Router:
    """All functions with an HTTP trigger, behind one route prefix."""

    def __init__(self, functions: Sequence[FunctionDefinition], prefix: str) -> None:
        """Parse the templates.

        Raises:
            Rejected: A template cannot be parsed.
        """
        self.routes = [
            _route(function, function.trigger, prefix)
            for function in functions
            if isinstance(function.trigger, HttpTrigger)
        ]

    def find(self, method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the first route for this method and percent-encoded path, and its parameters."""
        parts = [unquote(part) for part in raw_path.strip("/").split("/")]
        for route in self.routes:
            if route.trigger.methods and method not in route.trigger.methods:
                continue
            values = route.match(parts)
            if values is not None:
                return route, values
        return None


def _route(function: FunctionDefinition, trigger: HttpTrigger, prefix: str) -> Route:
    template = "/".join(part for part in (prefix, trigger.route) if part)
    segments = tuple(_segment(function.name, text) for text in template.split("/"))
    return Route(function=function, trigger=trigger, template=template, segments=segments)


def _segment(function: str, text: str) -> _Segment:
    pattern, end, parameters = "", 0, list(_PARAMETER.finditer(text))
    for parameter in parameters:
        value = r"(?s:.*)" if parameter["star"] else r"(?s:.+)"
        pattern += re.escape(text[end : parameter.start()]) + f"(?P<{parameter['name']}>{value})"
        end = parameter.end()
    if any(brace in _PARAMETER.sub("", text) for brace in "{}"):
        raise Rejected(f"function {function}: {text!r} is not a route segment that this host supports")
    whole = parameters[0] if len(parameters) == 1 and parameters[0].group() == text else None
    default = whole["default"] if whole is not None else None
    star = whole is not None and bool(whole["star"])
    return _Segment(
        pattern=re.compile(pattern + re.escape(text[end:]), re.IGNORECASE),
        constraints={
            parameter["name"]: [_constraint(function, *rule) for rule in _CONSTRAINT.findall(parameter["constraints"])]
            for parameter in parameters
        },
        defaults={whole["name"]: default} if whole is not None and default is not None else {},
        may_miss=star or default is not None or (whole is not None and whole["optional"] is not None),
        takes_rest=star,
    )


def _constraint(function: str, name: str, argument: str) -> re.Pattern[str]:
    if name in _SIMPLE:
        return re.compile(_SIMPLE[name])
    least, _, most = argument.partition(",")
    match name:
        case "regex":
            return re.compile(f"(?s:.*)(?:{argument})(?s:.*)", re.IGNORECASE)
        case "length":
            return re.compile(f"(?s:.{{{int(least)},{int(most or least)}}})")
        case "minlength":
            return re.compile(f"(?s:.{{{int(argument)},}})")
        case "maxlength":
            return re.compile(f"(?s:.{{0,{int(argument)}}})")
    raise Rejected(f"function {function}: route constraint {name!r} is not supported by this host")
