"""The challenge of a registry that wants to know who asks (RFC 9110 section 11.6.1, `WWW-Authenticate`)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_LONGEST = 8 * 1024
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}"
_SCHEME = re.compile(rf"[\s,]*({_WORD})(?=\s|$)")
_PARAMETER = re.compile(rf'[\s,]*({_WORD})=(?:"((?:[^"\\]|\\.)*)"|({_WORD}))(?=\s*(?:,|$))')
_REST = re.compile(r"[\s,]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One scheme, in lower case, with its parameters."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """Every challenge of a header, in its order; none when any part of the header is malformed.

    A parameter that is given twice, or before any scheme, is malformed: two readers would choose differently.
    """
    if len(header) > _LONGEST or not header.isascii():
        return ()
    found: list[tuple[str, dict[str, str]]] = []
    at = 0
    while (blank := _REST.match(header, at)) is not None and blank.end() < len(header):
        if (parameter := _PARAMETER.match(header, at)) is not None:
            name = parameter[1].lower()
            if not found or name in found[-1][1]:
                return ()
            quoted = re.sub(r"\\(.)", r"\1", parameter[2] or "")
            found[-1][1][name] = parameter[3] or quoted
            at = parameter.end()
        elif (scheme := _SCHEME.match(header, at)) is not None:
            found.append((scheme[1].lower(), {}))
            at = scheme.end()
        else:
            return ()
    return tuple(Challenge(scheme=scheme, parameters=parameters) for scheme, parameters in found)
