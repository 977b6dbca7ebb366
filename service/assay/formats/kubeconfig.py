"""Kubeconfig files (`v1`, kind `Config`): how to reach an API server, and as whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from assay.domain.errors import InvalidInput
from assay.formats.base64text import decode_base64
from assay.formats.strict_yaml import parse_yaml

_CODE = "kubeconfig_malformed"
_CLUSTER = frozenset({"server", "certificate-authority", "certificate-authority-data"})
_USER = frozenset(
    {"token", "tokenFile", "client-certificate", "client-certificate-data", "client-key", "client-key-data"}
)

FileOrOctets = str | bytes
"""A path as it is written, relative to the file that names it, or the content itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubeconfig:
    """The current context of a kubeconfig: an https address with its authority, and a token or a client certificate.

    `token` is a path or the token's octets. Credentials are never shown by `repr`.
    """

    server: str
    authority: FileOrOctets
    token: FileOrOctets | None = field(default=None, repr=False)
    certificate: FileOrOctets | None = None
    key: FileOrOctets | None = field(default=None, repr=False)


def parse_kubeconfig(octets: bytes, *, what: str) -> Kubeconfig:
    """Parse a kubeconfig and choose its current context.

    Refused, because they weaken or replace what is checked: a server without its own authority,
    `insecure-skip-tls-verify`, proxies, other server names, credentials that a program makes (`exec`, `auth-provider`),
    passwords and impersonation. What does not belong to the current context is ignored. Raises
    `InvalidInput(kubeconfig_malformed)` or `InvalidInput(yaml_malformed)` naming `what`; no message quotes a value.
    """
    document = _mapping(parse_yaml(octets, what=what), what, "the file")
    context = _named(document, "contexts", "context", _text(document, "current-context", what), what)
    cluster = _named(document, "clusters", "cluster", _text(context, "cluster", what), what)
    user = _named(document, "users", "user", _text(context, "user", what), what)
    for members, known in ((cluster, _CLUSTER), (user, _USER)):
        unknown = sorted(set(members) - known)
        if unknown:
            raise _malformed(what, f"`{unknown[0][:100]}` is not supported")
    authority = _material(cluster, "certificate-authority", what)
    if authority is None:
        raise _malformed(what, "the cluster has no certificate authority")
    token = _token(user, what)
    certificate, key = (_material(user, name, what) for name in ("client-certificate", "client-key"))
    if (certificate is None) != (key is None) or (token is None) == (certificate is None):
        raise _malformed(what, "the user has neither a token nor a client certificate with its key, or both")
    return Kubeconfig(
        server=_text(cluster, "server", what), authority=authority, token=token, certificate=certificate, key=key
    )


def _token(user: Mapping[str, object], what: str) -> FileOrOctets | None:
    file, text = (_text(user, name, what) if name in user else "" for name in ("tokenFile", "token"))
    if file and text:
        raise _malformed(what, "the user has a token twice")
    return file or text.encode() or None


def _material(members: Mapping[str, object], name: str, what: str) -> FileOrOctets | None:
    packed = f"{name}-data"
    if name in members and packed in members:
        raise _malformed(what, f"`{name}` is there twice")
    if packed in members:
        return decode_base64(_text(members, packed, what), what=f"`{packed}` of {what}", code=_CODE)
    return _text(members, name, what) if name in members else None


def _named(document: Mapping[str, object], plural: str, singular: str, name: str, what: str) -> Mapping[str, object]:
    entries = document.get(plural)
    found = [
        entry[singular]
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, Mapping) and entry.get("name") == name and singular in entry
    ]
    if len(found) != 1:
        raise _malformed(what, f"the current context needs exactly one {singular}, {len(found)} have its name")
    return _mapping(found[0], what, f"the {singular}")


def _mapping(value: object, what: str, place: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise _malformed(what, f"{place} is no mapping")
    return value


def _text(members: Mapping[str, object], name: str, what: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise _malformed(what, f"`{name}` is missing, or no text")
    return value


def _malformed(what: str, why: str) -> InvalidInput:
    return InvalidInput(
        _CODE,
        f"{what} cannot be used: {why}",
        remedy="write a kubeconfig with a server, its authority, and a token or a client certificate",
    )
