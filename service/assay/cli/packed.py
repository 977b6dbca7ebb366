"""Options that belong together reach a command as one value."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def packed(name: str, kind: type[Any], options: Sequence[Decorator]) -> Decorator:
    """A decorator that adds `options` to a command and hands it their values as `name`, an instance of `kind`.

    Each field of the dataclass `kind` is named after an option's parameter.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def call(*arguments: Any, **values: Any) -> Any:  # noqa: ANN401  # whatever the command takes
            own = {field.name: values.pop(field.name) for field in fields(kind)}
            return command(*arguments, **{name: kind(**own)}, **values)

        decorated: Callable[..., Any] = call
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate
