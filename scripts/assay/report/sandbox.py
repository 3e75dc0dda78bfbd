"""The environment in which a user's template runs: it can show a report, and nothing else.

Jinja's sandbox keeps a template away from Python. What it leaves open is to take all memory or to
run for ever, so here every step and every character is paid for from one purse.
https://jinja.palletsprojects.com/en/stable/sandbox/
"""

from __future__ import annotations

import re
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jinja2 import Template
    from jinja2.compiler import Frame

PURSE = 50_000_000
"""Of one rendering, in characters that a template holds; a second of work at most."""
STEP = 200
VALUE = 10
"""What a character costs that was escaped; one that stands in the template costs 1."""
LONGEST = 1_000_000
"""Characters or items of one value."""


def _words(*lines: str) -> frozenset[str]:
    return frozenset(" ".join(lines).split())


FILTERS = _words(
    "abs capitalize count d default e escape first float int join last length list lower map max",
    "min reject rejectattr round select selectattr sort string sum title trim unique upper",
)
"""Of Jinja's own filters, those that a report needs; none makes much out of little."""
_METHODS = _words(
    "capitalize changed cycle endswith get items keys lower removeprefix removesuffix split",
    "startswith strip super title upper values",
)
_WIDTH = re.compile(r"\*|\d{4}")
_MOST_BITS = 4_096
_BEFORE_START = 3
"""Arguments of Jinja's `sum` before `start`: the environment, the values, an attribute."""


class _Counting(CodeGenerator):
    """Compiles loops so that each step is counted, and joins so that they end."""

    def visit_Template(  # noqa: N802 (the visitor finds it by this name)
        self, node: nodes.Template, frame: Frame | None = None
    ) -> None:
        for loop in node.find_all(nodes.For):
            weight = nodes.Const(_constant(loop), lineno=loop.lineno)
            loop.iter = self._filtered(loop.iter, "_counted", weight)
        for joined in node.find_all(nodes.Concat):
            joined.nodes = [self._filtered(part, "_weighed") for part in joined.nodes]
        assert isinstance(self.environment, Sandbox)  # noqa: S101 (nothing else compiles with this)
        self.environment.learn(node)
        super().visit_Template(node, frame)

    def _filtered(self, node: nodes.Node, name: str, *given: nodes.Node) -> nodes.Filter:
        made = nodes.Filter(node, name, [*given], [], None, None, lineno=node.lineno)
        made.set_environment(self.environment)
        return made

    def visit_Concat(  # noqa: N802 (as above)
        self, node: nodes.Concat, frame: Frame
    ) -> None:
        self.write("environment.bounded(")
        super().visit_Concat(node, frame)
        self.write(")")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with a purse; `refill` it before each rendering."""

    code_generator_class = _Counting
    intercepted_binops = frozenset({"*", "**", "+", "%"})

    def __init__(self, *, finalize: Callable[[object], Any], **options: Any) -> None:
        self._weight = 0
        self._left = PURSE
        super().__init__(
            finalize=lambda value: self._paid(finalize(self._weighed(value))), **options
        )
        for name in set(self.filters) - FILTERS:
            del self.filters[name]
        del self.globals["lipsum"]
        self.filters = {name: self._priced(name, each) for name, each in self.filters.items()}
        self.filters |= {"_counted": self._counted, "_weighed": self._weighed}

    def refill(self) -> None:
        """Start anew."""
        self._left = PURSE

    def learn(self, template: nodes.Template) -> None:
        """How much constant text a call may write: that of the longest macro or block."""
        bodies = template.find_all((nodes.Macro, nodes.CallBlock, nodes.Block))
        self._weight = max(self._weight, *map(_constant, bodies), 0)

    def bounded(self, value: Any) -> Any:
        """The value, if it is not huge."""
        if isinstance(value, str | list | tuple) and len(value) > LONGEST:
            raise SecurityError(f"a value of {len(value):,} characters or items is too long")
        return value

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """No method but those that cannot make much out of little."""
        allowed = not callable(value) or attr in _METHODS
        return allowed and super().is_safe_attribute(obj, attr, value)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Any value but the method that formats: Jinja guards it, but not against a width."""
        if isinstance(obj, str) and attribute in ("format", "format_map"):
            return self.unsafe_undefined(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """The same by `value["format"]`."""
        if isinstance(obj, str) and argument in ("format", "format_map"):
            return self.unsafe_undefined(obj, argument)
        return super().getitem(obj, argument)

    def get_template(self, name: Any, *given: Any, **named: Any) -> Template:
        """Also what `include` and `extends` ask for."""
        self._pay(STEP + self._weight)
        return super().get_template(name, *given, **named)

    def call(self, context: Any, function: Any, /, *given: Any, **named: Any) -> Any:
        """A macro, a block, a method."""
        self._pay(STEP + self._weight)
        return super().call(context, function, *given, **named)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic whose result is not huge."""
        _check(operator, left, right)
        if operator == "%" and isinstance(left, str):
            self._pay(_size(right, self._left) * left.count("%"))
        return self.bounded(super().call_binop(context, operator, left, right))

    def _priced(self, name: str, filter_: Callable[..., Any]) -> Callable[..., Any]:
        """A filter that is paid for by what it is given, as it may make as much of it again."""

        def priced(*given: Any, **named: Any) -> Any:
            values = [self._weighed(self._listed(value)) for value in given]
            others = {key: self._weighed(value) for key, value in named.items()}
            strings = [value for value in (*values, *others.values()) if isinstance(value, str)]
            lists = [value for value in values if isinstance(value, list | tuple)]
            if name == "join":  # the separator stands between all items
                self._pay(sum(map(len, strings)) * max(map(len, lists), default=0))
            start = others.get("start", values[-1] if len(values) > _BEFORE_START else 0)
            if name == "sum" and isinstance(start, list | tuple):
                raise SecurityError("only numbers can be added up")
            return self.bounded(filter_(*values, **others))

        return _like(filter_, priced)

    def _listed(self, value: Any) -> Any:
        return list(self._counted(value, 0)) if isinstance(value, GeneratorType) else value

    def _weighed(self, value: Any) -> Any:
        """The value, paid for by all that it holds: as text it would be that long."""
        self._pay(_size(value, self._left))
        return value

    def _paid(self, text: Any) -> Any:
        self._pay(STEP + VALUE * len(text))
        return text

    def _counted(self, items: Iterable[Any], weight: int) -> Iterator[Any]:
        for item in items:
            self._pay(STEP + weight)
            yield item

    def _pay(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise SecurityError("it writes too much, or loops too often")


def _size(value: Any, most: int) -> int:
    """What a value holds, and what is in it holds; beyond `most` nothing more is counted."""
    found, waiting = 0, [value]
    while waiting and found <= most:
        one = waiting.pop()
        if isinstance(one, str):
            found += len(one)
        elif isinstance(one, list | tuple):
            found += VALUE * len(one)
            waiting += one
        elif isinstance(one, dict):
            found += VALUE * len(one)
            waiting += [*one, *one.values()]
    return found


def _check(operator: str, left: Any, right: Any) -> None:
    """Refuse what would be huge before it is worked out."""
    if operator == "%" and isinstance(left, str) and _WIDTH.search(left):
        raise SecurityError("a width in a format may have three digits")
    if operator in ("*", "**") and isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length()
        bits = bits * max(right, 1) if operator == "**" else bits + right.bit_length()
        if bits > _MOST_BITS:
            raise SecurityError("a number is too large")
    elif operator == "*":
        for many, times in ((left, right), (right, left)):
            of_many = isinstance(many, str | list | tuple) and isinstance(times, int)
            if of_many and len(many) * times > LONGEST:
                raise SecurityError(f"a value repeated {times:,} times is too long")


def _constant(node: nodes.Node) -> int:
    return sum(len(data.data) for data in node.find_all(nodes.TemplateData))


def _like(original: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """What Jinja passes to a filter is written on the filter."""
    function.__dict__.update(getattr(original, "__dict__", {}))  # Python's own have none
    return function
