"""Licence and exception identifiers: their one spelling, and which versions relate."""

import re
from functools import cache

from license_expression import get_spdx_licensing

_REFERENCE = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")
_ADDITION = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]+:)?AdditionRef-[A-Za-z0-9.-]+")

# Deprecated identifiers that name a licence and its exception in one word (SPDX licence list, deprecated identifiers).
_COMPOUNDS = {
    "ecos-2.0": ("GPL-2.0-or-later", "eCos-exception-2.0"),
    "gpl-2.0-with-autoconf-exception": ("GPL-2.0-only", "Autoconf-exception-2.0"),
    "gpl-2.0-with-bison-exception": ("GPL-2.0-or-later", "Bison-exception-2.2"),
    "gpl-2.0-with-classpath-exception": ("GPL-2.0-only", "Classpath-exception-2.0"),
    "gpl-2.0-with-font-exception": ("GPL-2.0-only", "Font-exception-2.0"),
    "gpl-2.0-with-gcc-exception": ("GPL-2.0-only", "GCC-exception-2.0"),
    "gpl-3.0-with-autoconf-exception": ("GPL-3.0-only", "Autoconf-exception-3.0"),
    "gpl-3.0-with-gcc-exception": ("GPL-3.0-only", "GCC-exception-3.1"),
    "wxwindows": ("LGPL-2.0-or-later", "WxWindows-exception-3.1"),
}

# The index answers these with another licence's identifier, or with words that are not on the SPDX list.
_KEPT = frozenset({"Net-SNMP", "bzip2-1.0.5"})
_NOT_SPDX = frozenset({"GPL", "GPL 2.0", "GPL 2.0+", "BSD-2"})

# Versions of one licence, oldest first, without `-only` and `-or-later`.
_FAMILIES: tuple[tuple[str, ...], ...] = tuple(
    tuple(f"{name}-{version}" for version in versions.split())
    for name, versions in (
        ("AFL", "1.1 1.2 2.0 2.1 3.0"),
        ("AGPL", "1.0 3.0"),
        ("APSL", "1.0 1.1 1.2 2.0"),
        ("Apache", "1.0 1.1 2.0"),
        ("Artistic", "1.0 2.0"),
        ("CC-BY", "1.0 2.0 2.5 3.0 4.0"),
        ("CC-BY-NC", "1.0 2.0 2.5 3.0 4.0"),
        ("CC-BY-NC-ND", "1.0 2.0 2.5 3.0 4.0"),
        ("CC-BY-NC-SA", "1.0 2.0 2.5 3.0 4.0"),
        ("CC-BY-ND", "1.0 2.0 2.5 3.0 4.0"),
        ("CC-BY-SA", "1.0 2.0 2.5 3.0 4.0"),
        ("CDDL", "1.0 1.1"),
        ("CECILL", "1.0 1.1 2.0 2.1"),
        ("ECL", "1.0 2.0"),
        ("EFL", "1.0 2.0"),
        ("EPL", "1.0 2.0"),
        ("EUPL", "1.0 1.1 1.2"),
        ("GFDL", "1.1 1.2 1.3"),
        ("GPL", "1.0 2.0 3.0"),
        ("LGPL", "2.0 2.1 3.0"),
        ("LPL", "1.0 1.02"),
        ("LPPL", "1.0 1.1 1.2 1.3a 1.3c"),
        ("MPL", "1.0 1.1 2.0"),
        ("NPL", "1.0 1.1"),
        ("OFL", "1.0 1.1"),
        ("OSL", "1.0 1.1 2.0 2.1 3.0"),
        ("PHP", "3.0 3.01"),
        ("RPL", "1.1 1.5"),
        ("SGI-B", "1.0 1.1 2.0"),
        ("YPL", "1.0 1.1"),
        ("ZPL", "1.1 2.0 2.1"),
        ("Zimbra", "1.3 1.4"),
    )
)
_ONLY = "-only"
_LATER = "-or-later"


@cache
def _index() -> tuple[dict[str, str], dict[str, str]]:
    """Lower-case spelling to identifier, for licences and for exceptions."""
    licences: dict[str, str] = {}
    exceptions: dict[str, str] = {}
    for key, symbol in get_spdx_licensing().known_symbols.items():
        table = exceptions if symbol.is_exception else licences
        for alias in symbol.aliases:
            if not alias.startswith("LicenseRef-") and alias not in _NOT_SPDX:
                table[alias.lower()] = alias if alias in _KEPT else key
        if not key.startswith("LicenseRef-"):
            table[key.lower()] = key
    return licences, exceptions


def load_identifiers() -> None:
    """Read the SPDX list now instead of when the first word is looked up: a service does so before it is asked."""
    _index()


def licence_term(word: str) -> str:
    """The canonical term of one licence word, or an empty text when it is not on the SPDX list.

    Case is folded, except in references; `GPL-2.0` becomes `GPL-2.0-only`, `GPL-2.0+` `GPL-2.0-or-later`, deprecated
    compounds become `licence WITH exception`; `Apache-2.0+` keeps its plus.
    """
    if _REFERENCE.fullmatch(word):
        return word
    lowered = word.lower()
    if lowered in _COMPOUNDS:
        return " WITH ".join(_COMPOUNDS[lowered])
    licences, _ = _index()
    if lowered in licences:
        return licences[lowered]
    plain = licences.get(lowered.removesuffix("+"), "")
    if not lowered.endswith("+") or not plain or plain.endswith((_ONLY, _LATER)):
        return ""
    return f"{plain}+"


def exception_term(word: str) -> str:
    """The canonical term of one exception word, or an empty text when it is not on the SPDX list."""
    return word if _ADDITION.fullmatch(word) else _index()[1].get(word.lower(), "")


def terms_hit_by(term: str) -> frozenset[str]:
    """Every term that a deny list entry hits, itself included.

    An entry for one version also hits "this version or later", which cannot be satisfied without it being offered; an
    entry "or later" hits that version and every later one. The exception of a compound stays what it is.
    """
    licence, separator, exception = term.partition(" WITH ")
    if _REFERENCE.fullmatch(licence):
        return frozenset({term})
    stem = licence.removesuffix(_ONLY).removesuffix(_LATER).removesuffix("+")
    versions: tuple[str, ...] = (stem,)
    if licence.endswith((_LATER, "+")):
        family = next((names for names in _FAMILIES if stem in names), (stem,))
        versions = family[family.index(stem) :]
    hit = {spelled for version in versions for spelled in _spellings(version)}
    return frozenset(f"{spelled}{separator}{exception}" for spelled in hit | {licence})


def _spellings(version: str) -> tuple[str, ...]:
    words = (version, f"{version}{_ONLY}", f"{version}{_LATER}", f"{version}+")
    return tuple(dict.fromkeys(term for term in map(licence_term, words) if term))
