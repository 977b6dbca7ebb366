"""Credentials as docker's configuration file and Kubernetes' pull secrets hold them."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from assay.domain.credential import Credential
from assay.domain.errors import InvalidInput
from assay.domain.reference import Repository
from assay.formats.strict_json import parse_json

_LARGEST = 1024 * 1024
_HELPER = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_PATHS = frozenset({"", "v1", "v2"})
_IDENTITY_USER = "<token>"


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerConfig:
    """What a file says about credentials, by canonical registry host (`docker.io`, `registry.example:5000`).

    `helpers` names the program suffix (`docker-credential-SUFFIX`) for single hosts, `store` the one for all others.
    """

    credentials: Mapping[str, Credential] = field(repr=False)
    helpers: Mapping[str, str]
    store: str


def parse_docker_config(octets: bytes, *, what: str) -> DockerConfig:
    """Parse docker's `config.json`, `.dockerconfigjson` or the older `.dockercfg` (a bare map from host to login).

    Everything that is not about credentials is ignored, as docker does, and `HttpHeaders` are never sent. A login is
    bound to exactly one host with its port: an entry for a path, a pattern or something that is no host gives nothing.
    Raises `InvalidInput(docker_config_malformed)` naming `what`; no message quotes the file.
    """
    members = _mapping(_parse(octets, what=what), what=what)
    auths = _mapping(members.get("auths"), what=what) if _is_config(members) else members
    helpers = _mapping(members.get("credHelpers"), what=what) if _is_config(members) else {}
    store = members.get("credsStore") if _is_config(members) else None
    return DockerConfig(
        credentials=_credentials(auths, what=what),
        helpers={host: _helper(value, what=what) for key, value in helpers.items() if (host := registry_host(key))},
        store=_helper(store, what=what) if store else "",
    )


def _parse(octets: bytes, *, what: str) -> object:
    try:
        return parse_json(octets, what=what, largest=_LARGEST)
    except InvalidInput:
        raise _malformed(what, "it is not one JSON document") from None


def registry_host(key: str) -> str:
    """The canonical host that a key of a docker configuration names, or an empty text when it is not just a host."""
    rest = key.removeprefix("https://").removeprefix("http://")
    host, _, path = rest.partition("/")
    if path.rstrip("/") not in _PATHS:
        return ""
    try:
        return Repository.parse(f"{host.lower()}/any/path").registry if _names_a_host(host) else ""
    except InvalidInput:
        return ""


def make_credential(username: str, secret: str) -> Credential:
    """The credential for a user name as docker writes it: `<token>` says that the secret is an identity token."""
    return Credential(username=username, secret=secret, identity_token=username == _IDENTITY_USER)


def _names_a_host(host: str) -> bool:
    return "." in host or ":" in host or host.lower() == "localhost"


def _is_config(members: Mapping[str, object]) -> bool:
    """Whether this is a whole configuration: a `.dockercfg` has hosts where that has its sections."""
    return not any(isinstance(value, dict) and registry_host(key) for key, value in members.items())


def _credentials(auths: Mapping[str, object], *, what: str) -> Mapping[str, Credential]:
    """By host; of several spellings of one host the shortest wins."""
    found: dict[str, Credential] = {}
    for key in sorted(auths, key=lambda name: (len(name), name)):
        credential = _credential(_mapping(auths[key], what=what), what=what)
        if credential is not None and (host := registry_host(key)):
            found.setdefault(host, credential)
    return found


def _credential(entry: Mapping[str, object], *, what: str) -> Credential | None:
    token, username, password, packed = (
        _text(entry, name, what=what) for name in ("identitytoken", "username", "password", "auth")
    )
    if packed and not password:
        username, password = _unpack(packed, what=what)
    try:
        if token:
            return make_credential(_IDENTITY_USER, token)
        return make_credential(username, password) if password else None
    except InvalidInput as error:
        raise _malformed(what, error.message) from None


def _unpack(packed: str, *, what: str) -> tuple[str, str]:
    try:
        username, colon, password = base64.b64decode(packed, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        colon = ""
    if not colon:
        raise _malformed(what, "an `auth` is not base64 of user:password")
    return username, password.rstrip("\0")


def _helper(value: object, *, what: str) -> str:
    if not isinstance(value, str) or not _HELPER.fullmatch(value):
        raise _malformed(what, "a credential helper has no usable name")
    return value


def _text(entry: Mapping[str, object], name: str, *, what: str) -> str:
    value = entry.get(name)
    if value is not None and not isinstance(value, str):
        raise _malformed(what, f"`{name}` is not a text")
    return value or ""


def _mapping(value: object, *, what: str) -> Mapping[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _malformed(what, "an object is expected")
    return value


def _malformed(what: str, why: str) -> InvalidInput:
    return InvalidInput(
        "docker_config_malformed",
        f"{what} is no docker configuration: {why}",
        remedy="log in to the registry again, or write the file as docker does",
    )
