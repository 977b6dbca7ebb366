"""The configuration of a signer process."""

import re
from dataclasses import dataclass

from assay.configuration.section import Section, open_configuration, parse_decimal, refuse
from assay.domain.errors import InvalidInput
from assay.domain.key_uri import KeyUri, is_key_uri, parse_key_uri
from assay.domain.signing_rule import SigningRule
from assay.formats.provenance import PREDICATE_TYPE as PROVENANCE

_ANY_PROVENANCE = "https://slsa.dev/provenance/"
_LARGEST_ID = 2**32 - 2
_GROUP = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerSettings:
    """A signer process: where it listens, for whom, with which key, and what it may sign.

    Paths are as written. `group` may be empty; then the socket is its owner's alone. `callers` are user ids; none means
    the signer's own user.
    """

    socket: str
    log: str
    key: str | KeyUri
    group: str
    callers: frozenset[int]
    rule: SigningRule


def parse_signer_configuration(octets: bytes) -> SignerSettings:
    """Parse and validate; `ConfigError(configuration_invalid)` naming the place."""
    root = open_configuration(octets)
    group = root.text("group", "")
    if group and not _GROUP.fullmatch(group):
        raise refuse("group", f"{group[:40]!r} is not the name of a group", "write its name")
    settings = SignerSettings(
        socket=root.text("socket"),
        log=root.text("log"),
        key=_read_key(root.text("key")),
        group=group,
        callers=frozenset(_read_user(text) for text in root.texts("callers")),
        rule=_read_rule(root.section("allow")),
    )
    root.finish()
    return settings


def _read_key(text: str) -> str | KeyUri:
    try:
        return parse_key_uri(text) if is_key_uri(text) else text
    except InvalidInput as error:
        raise refuse("key", error.message, error.remedy) from error


def _read_user(text: str) -> int:
    user = parse_decimal(text, highest=_LARGEST_ID)
    if user is None:
        raise refuse("callers", f"{text[:40]!r} is not a user id", "write its number")
    return user


def _read_rule(section: Section) -> SigningRule:
    types, builders = section.texts("predicate_types"), section.texts("builders")
    simple_signing = section.has("simple_signing") and section.flag("simple_signing")
    manifests = section.has("manifests") and section.flag("manifests")
    section.finish()
    unreadable = [name for name in types if name.startswith(_ANY_PROVENANCE) and name != PROVENANCE]
    if unreadable:
        raise refuse("allow.predicate_types", f"the builder in {unreadable[0]!r} is not read", f"use {PROVENANCE}")
    if bool(builders) != (PROVENANCE in types):
        raise refuse("allow.builders", "builders and provenance belong together", f"name both: {PROVENANCE}")
    if not (types or simple_signing or manifests):
        raise refuse("allow", "nothing may be signed", "name predicate_types, or allow simple_signing or manifests")
    return SigningRule(
        predicate_types=frozenset(types),
        builders=frozenset(builders),
        simple_signing=simple_signing,
        manifests=manifests,
    )
