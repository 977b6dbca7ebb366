"""Strict YAML: every scalar is text, and one document means one thing.

PyYAML speaks YAML 1.1, where `no` is a boolean, `1.10` a number and `0750` an octal integer. Here a scalar stays the
text its author wrote and the reader of each field converts it. Aliases, tags, several documents and duplicate keys are
refused.
"""

from collections.abc import Hashable
from typing import NoReturn

import yaml

from assay.domain.errors import InvalidInput

_LARGEST = 1024 * 1024
_DEEPEST = 32


class _TextLoader(yaml.SafeLoader):
    """Builds plain text, lists and mappings; refuses everything that could surprise."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            self._refuse("an alias (`*name`) is not allowed", self._peek())
        event = self._peek()
        if getattr(event, "tag", None) is not None:
            self._refuse("a tag (`!name`) is not allowed", event)
        return super().compose_node(parent, index)

    def _peek(self) -> yaml.Event:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it untyped
        return event

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:  # noqa: FBT001, FBT002  # PyYAML's signature
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._refuse("a key must be text", key)
            if key.value in seen:
                self._refuse(f"the key {key.value[:100]!r} occurs twice", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge keys (`<<`) are ordinary keys, which no schema knows."""

    @staticmethod
    def _refuse(why: str, place: yaml.Event | yaml.Node) -> NoReturn:
        line = place.start_mark.line + 1 if place.start_mark else 0
        raise yaml.YAMLError(f"{why} (line {line})")


_TextLoader.yaml_implicit_resolvers = {}


def parse_yaml(octets: bytes, *, what: str) -> object:
    """Parse one YAML document into text, lists and mappings with text keys.

    Guaranteed: at most 1 MiB, 32 levels; no duplicate key, alias, tag, merge or second document; scalars are `str`
    (a missing value is the empty text). Raises `InvalidInput(yaml_malformed)` naming `what` and the place.
    """
    if len(octets) > _LARGEST:
        raise _malformed(what, f"it has more than {_LARGEST} bytes")
    try:
        document: object = yaml.load(octets.decode("utf-8"), Loader=_TextLoader)  # noqa: S506  # a safe loader, narrowed
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(what, " ".join(str(error).split())) from error
    _refuse_depth(document, what=what, depth=0)
    return document


def _refuse_depth(value: object, *, what: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise _malformed(what, f"it is nested deeper than {_DEEPEST} levels")
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        _refuse_depth(child, what=what, depth=depth + 1)


def _malformed(what: str, why: str) -> InvalidInput:
    return InvalidInput("yaml_malformed", f"{what} is not usable YAML: {why[:300]}", remedy="correct the named place")
