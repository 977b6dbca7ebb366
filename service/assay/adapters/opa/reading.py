"""What rules can read, as far as their text shows."""

import re
from collections.abc import Iterable, Mapping

from assay.domain.evidence import GapKind
from assay.domain.policy import Rule

_INPUT = re.compile(r"\binput\b(?:\.(\w+))?(?:\.(\w+))?")
_SCHEMA = re.compile(r"^\s*#\s+- input: schema\.\w+$", re.MULTILINE)
_FROM_CONFIG = frozenset({"config", "created", "platforms"})


def reads_config(sources: Mapping[str, bytes], rules: Iterable[Rule]) -> bool:
    """Whether a rule may read what only the configuration of an image says.

    False is a proof, True is not: Rego reaches its document through the word `input` alone, and no text has it other
    than as `input.<member>`, and `input.image` other than as `input.image.<member>`, with a member that does not come
    from the configuration. Comments count, so that nobody has to tell them from code; METADATA that names the schema
    does not. A rule that requires the configuration reads it whatever its text says.
    """
    if any(GapKind.CONFIG in rule.requires for rule in rules):
        return True
    return any(_may_read(octets.decode(errors="replace")) for path, octets in sources.items() if path.endswith(".rego"))


def _may_read(source: str) -> bool:
    for section, member in _INPUT.findall(_SCHEMA.sub("", source)):
        if not section or (section == "image" and (not member or member in _FROM_CONFIG)):
            return True
    return False
