"""Key URIs: where a key lives that is in no file, written as cosign writes it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from assay.domain.errors import InvalidInput

_LONGEST = 2048
_SCHEME = re.compile(r"([a-z][a-z0-9]*):", re.ASCII)
_AWS = re.compile(
    r"awskms://(?P<endpoint>[A-Za-z0-9.\[\]:_-]*)/"
    r"(?P<key>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}|alias/[A-Za-z0-9/_-]{1,250}"
    r"|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(?:key/[A-Za-z0-9-]{1,64}|alias/[A-Za-z0-9/_-]{1,250}))",
    re.ASCII,
)
_GCP_NAME = r"[A-Za-z0-9_-]{1,63}"
_GCP = re.compile(
    r"gcpkms://projects/(?P<project>[a-z0-9.:-]{1,100})/locations/(?P<location>[a-z0-9-]{1,63})"
    rf"/keyRings/(?P<ring>{_GCP_NAME})/cryptoKeys/(?P<key>{_GCP_NAME})"
    r"(?:/(?:cryptoKeyVersions|versions)/(?P<version>[1-9][0-9]{0,9}))?",
    re.ASCII,
)
_AZURE = re.compile(
    r"azurekms://(?P<vault>[A-Za-z][A-Za-z0-9-]{2,23})"
    r"(?P<suffix>\.vault\.(?:azure\.net|azure\.cn|usgovcloudapi\.net))?"
    r"/(?P<key>[A-Za-z0-9-]{1,127})(?:/(?P<version>[0-9a-f]{32}))?",
    re.ASCII,
)
_TRANSIT = re.compile(
    r"(?P<server>hashivault|openbao)://(?P<key>[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,254}[A-Za-z0-9_])?)", re.ASCII
)
_SECRET = re.compile(
    r"k8s://(?P<namespace>[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)/(?P<name>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)",
    re.ASCII,
)
_PKCS11_PATH = frozenset({"token", "slot-id", "id", "object"})
_PKCS11_QUERY = frozenset({"module-path", "pin-value"})
# RFC 7512: unreserved characters, the reserved ones that are available in each part, and percent encoding.
_PKCS11_TEXT = re.compile(r"(?:[A-Za-z0-9._~:\[\]@!$'()*+,=&/?|-]|%[0-9A-Fa-f]{2})*", re.ASCII)


_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsKey:
    """A key of AWS KMS: its id, alias or ARN, and the endpoint's `host[:port]`, empty for the region's own."""

    key: str
    endpoint: str = ""

    def __str__(self) -> str:
        return f"awskms://{self.endpoint}/{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GcpKey:
    """A key of Google Cloud KMS: the resource name of its key, and the version, empty for the newest that signs."""

    name: str
    version: str = ""

    def __str__(self) -> str:
        return f"gcpkms://{self.name}" + (f"/cryptoKeyVersions/{self.version}" if self.version else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureKey:
    """A key of Azure Key Vault: the vault's host, the key's name, and the version, empty for the current one."""

    host: str
    key: str
    version: str = ""

    def __str__(self) -> str:
        return f"azurekms://{self.host}/{self.key}" + (f"/{self.version}" if self.version else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitKey:
    """A key of the Transit engine of HashiCorp Vault (`hashivault`) or OpenBao (`openbao`)."""

    server: str
    key: str

    def __str__(self) -> str:
        return f"{self.server}://{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSecret:
    """A secret with the members `cosign.key`, `cosign.password` and `cosign.pub`."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"k8s://{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pkcs11Key:
    """A key on a token: which token (by label or slot), which key (by id or label), and the module that reaches it.

    `pin` is shown nowhere: neither in the text nor in the representation.
    """

    token: str = ""
    slot: int | None = None
    id: bytes = b""
    label: str = ""
    module: str = ""
    pin: str = field(default="", repr=False)

    def __str__(self) -> str:
        place = f"token={self.token}" if self.token else f"slot-id={self.slot}"
        key = f"object={self.label}" if self.label else "id=" + "".join(f"%{octet:02x}" for octet in self.id)
        return f"pkcs11:{place};{key}"


KeyUri = AwsKey | GcpKey | AzureKey | TransitKey | KubernetesSecret | Pkcs11Key


def is_key_uri(text: str) -> bool:
    """Whether the text means a key URI, well formed or not, and not the path of a file."""
    scheme = _SCHEME.match(text)
    return scheme is not None and (scheme[1] in _READERS or text.startswith(f"{scheme[1]}://"))


def parse_key_uri(text: str) -> KeyUri:
    """Parse a key URI.

    Guaranteed: one key is named, within the character set of its service, so that no part can lead to another path
    or host. Raises `InvalidInput`: `key_uri_malformed`, which never repeats a PIN, `key_uri_unsupported` for a scheme
    that is not known.
    """
    scheme = _SCHEME.match(text[:_LONGEST])
    if scheme is None or scheme[1] not in _READERS:
        raise InvalidInput(
            "key_uri_unsupported",
            f"{text[:40]!r} is not the URI of a key",
            remedy=f"write a URI with one of the schemes {', '.join(_READERS)}",
        )
    if len(text) > _LONGEST:
        raise _malformed(scheme[1], f"it is longer than {_LONGEST} characters")
    return _READERS[scheme[1]](text)


def _read_aws(text: str) -> AwsKey:
    parts = _match(_AWS, text, "awskms", "awskms://[ENDPOINT]/ID, awskms://[ENDPOINT]/alias/NAME or …/ARN")
    return AwsKey(key=parts["key"], endpoint=parts["endpoint"])


def _read_gcp(text: str) -> GcpKey:
    form = "gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K[/cryptoKeyVersions/V]"
    parts = _match(_GCP, text, "gcpkms", form)
    name = (
        f"projects/{parts['project']}/locations/{parts['location']}/keyRings/{parts['ring']}/cryptoKeys/{parts['key']}"
    )
    return GcpKey(name=name, version=parts["version"])


def _read_azure(text: str) -> AzureKey:
    parts = _match(_AZURE, text, "azurekms", "azurekms://VAULT[.vault.azure.net]/KEY[/VERSION]")
    host = parts["vault"].lower() + (parts["suffix"] or ".vault.azure.net")
    return AzureKey(host=host, key=parts["key"], version=parts["version"])


def _read_transit(text: str) -> TransitKey:
    scheme = text.partition(":")[0]
    parts = _match(_TRANSIT, text, scheme, f"{scheme}://KEY")
    return TransitKey(server=parts["server"], key=parts["key"])


def _read_secret(text: str) -> KubernetesSecret:
    parts = _match(_SECRET, text, "k8s", "k8s://NAMESPACE/SECRET")
    return KubernetesSecret(namespace=parts["namespace"], name=parts["name"])


def _read_pkcs11(text: str) -> Pkcs11Key:
    path, _, query = text.removeprefix("pkcs11:").partition("?")
    attributes = _read_attributes(path, ";", _PKCS11_PATH)
    settings = _read_attributes(query, "&", _PKCS11_QUERY)
    slot = _text(attributes, "slot-id")
    if slot and not (slot.isdecimal() and slot.isascii() and len(slot) <= 10):
        raise _malformed("pkcs11", "slot-id is not a number")
    if bool(slot) == bool(attributes.get("token")):
        raise _malformed("pkcs11", "it names a token by one of token and slot-id")
    if bool(attributes.get("id")) == bool(attributes.get("object")):
        raise _malformed("pkcs11", "it names a key by one of id and object")
    return Pkcs11Key(
        token=_text(attributes, "token"),
        slot=int(slot) if slot else None,
        id=attributes.get("id", b""),
        label=_text(attributes, "object"),
        module=_text(settings, "module-path"),
        pin=_text(settings, "pin-value"),
    )


def _read_attributes(text: str, separator: str, known: frozenset[str]) -> dict[str, bytes]:
    """The attributes of one part; values are bytes, because an id is."""
    found: dict[str, bytes] = {}
    for part in text.split(separator) if text else []:
        name, equals, value = part.partition("=")
        if name not in known or not equals or name in found:
            raise _malformed("pkcs11", f"its attributes are {', '.join(sorted(known))}, each at most once")
        if not _PKCS11_TEXT.fullmatch(value):
            raise _malformed("pkcs11", f"the value of {name} has characters that must be percent-encoded")
        found[name] = _ESCAPE.sub(lambda escape: bytes.fromhex(escape[1].decode("ascii")), value.encode("ascii"))
    return found


def _text(attributes: Mapping[str, bytes], name: str) -> str:
    try:
        text = attributes.get(name, b"").decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if not text.isprintable():
        raise _malformed("pkcs11", f"the value of {name} is no printable text")
    return text


def _match(pattern: re.Pattern[str], text: str, scheme: str, form: str) -> dict[str, str]:
    parts = pattern.fullmatch(text)
    if parts is None:
        raise _malformed(scheme, f"the form is {form}")
    return parts.groupdict(default="")


def _malformed(scheme: str, why: str) -> InvalidInput:
    return InvalidInput(
        "key_uri_malformed", f"a key URI of the scheme {scheme} cannot be read: {why}", remedy="correct the URI"
    )


_READERS: Mapping[str, Callable[[str], KeyUri]] = {
    "awskms": _read_aws,
    "gcpkms": _read_gcp,
    "azurekms": _read_azure,
    "hashivault": _read_transit,
    "openbao": _read_transit,
    "k8s": _read_secret,
    "pkcs11": _read_pkcs11,
}
