"""Timestamp tokens (RFC 3161): a response with its signed data (RFC 5652), read into what a verifier compares.

One signer and the attributes that RFC 3161 and RFC 5816 demand; everything that is optional and changes the meaning of
a token (extensions, unsigned attributes, revocation lists) is refused.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from assay.domain.errors import InvalidInput
from assay.formats.der import (
    GENERALIZED_TIME,
    INTEGER,
    NULL,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    SET,
    Element,
    read_elements,
)

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_TST_INFO = bytes.fromhex("2a864886f70d0109100104")
_CONTENT_TYPE = bytes.fromhex("2a864886f70d010903")
_MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
_SIGNING_CERTIFICATE = bytes.fromhex("2a864886f70d010910020c")
_SIGNING_CERTIFICATE_V2 = bytes.fromhex("2a864886f70d010910022f")
HASH_NAMES: dict[bytes, str] = {
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}
"""Hashes by the content of their object identifiers; all others are refused."""

_EXPLICIT_0 = 0xA0
_EXPLICIT_1 = 0xA1
_BOOLEAN = 0x01
_GRANTED = b"\x00"
_TST_VERSION = b"\x01"
_SIGNED_DATA_VERSION = b"\x03"
_SIGNER_VERSION = b"\x01"
_OPTIONAL_TST_TAGS = (SEQUENCE, _BOOLEAN, INTEGER, _EXPLICIT_0)
"""Accuracy, ordering, nonce and name of the authority, in this order (RFC 3161, section 2.4.2)."""
_MOST_CERTIFICATES = 10
_TIME = re.compile(rb"(\d{14})(?:\.(\d{1,9}))?Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampToken:
    """A token as it was read: nothing in it is true before its signature has been verified.

    `signed_octets` are what the signature covers; `content_digest` and `certificate_ids` (hash name and hash) come from
    them and bind `content` and the signer's certificate. `issuer` and `serial` (both DER) name that certificate;
    `certificates` travel with the token.
    """

    imprint_hash: str
    imprint: bytes
    time: datetime
    content: bytes = field(repr=False)
    certificates: tuple[bytes, ...] = field(repr=False)
    issuer: bytes = field(repr=False)
    serial: bytes
    digest_hash: str
    content_digest: bytes
    certificate_ids: tuple[tuple[str, bytes], ...]
    signed_octets: bytes = field(repr=False)
    algorithm: bytes
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _TstInfo:
    imprint_hash: str
    imprint: bytes
    time: datetime


def parse_timestamp_token(response: bytes) -> TimestampToken:
    """Parse a timestamp response that grants a token.

    Not checked: signature, signer and time. Raises `InvalidInput(timestamp_malformed)`.
    """
    try:
        return _read_response(response)
    except InvalidInput as error:
        raise _malformed(error.message) from error


def _read_response(response: bytes) -> TimestampToken:
    (outer,) = _exactly(read_elements(response), SEQUENCE)
    status, token = _exactly(outer.members(), SEQUENCE, SEQUENCE)
    granted, *text = status.members() or [token]
    if (granted.tag, granted.content) != (INTEGER, _GRANTED) or [item.tag for item in text] not in ([], [SEQUENCE]):
        raise _malformed("the timestamp was not granted")
    kind, wrapped = _exactly(token.members(), OBJECT_IDENTIFIER, _EXPLICIT_0)
    if kind.content != _SIGNED_DATA:
        raise _malformed("it is no signed data")
    (signed,) = _exactly(wrapped.members(), SEQUENCE)
    return _read_signed_data(signed)


def _read_signed_data(signed: Element) -> TimestampToken:
    members = signed.members()
    certificates: tuple[bytes, ...] = ()
    if len(members) > 3 and members[3].tag == _EXPLICIT_0:
        certificates = tuple(item.raw for item in members.pop(3).members(most=_MOST_CERTIFICATES))
    version, algorithms, encapsulated, signers = _exactly(members, INTEGER, SET, SEQUENCE, SET)
    if version.content != _SIGNED_DATA_VERSION:
        raise _malformed("the signed data is of another version")
    kind, wrapped = _exactly(encapsulated.members(), OBJECT_IDENTIFIER, _EXPLICIT_0)
    (content,) = _exactly(wrapped.members(), OCTET_STRING)
    if kind.content != _TST_INFO:
        raise _malformed("what is signed is no timestamp")
    (signer,) = _exactly(signers.members(), SEQUENCE)
    hashes = {_read_hash(algorithm) for algorithm in algorithms.members()}
    return _read_signer(signer, content.content, certificates, hashes)


def _read_signer(signer: Element, content: bytes, certificates: tuple[bytes, ...], hashes: set[str]) -> TimestampToken:
    version, name, digest, attributes, algorithm, signature = _exactly(
        signer.members(), INTEGER, SEQUENCE, SEQUENCE, _EXPLICIT_0, SEQUENCE, OCTET_STRING
    )
    issuer, serial = _exactly(name.members(), SEQUENCE, INTEGER)
    digest_hash = _read_hash(digest)
    if version.content != _SIGNER_VERSION or digest_hash not in hashes:
        raise _malformed("the signer is of another version or uses a hash that is not announced")
    values = _read_attributes(attributes)
    info = _read_content(content)
    return TimestampToken(
        imprint_hash=info.imprint_hash,
        imprint=info.imprint,
        time=info.time,
        content=content,
        certificates=certificates,
        issuer=issuer.raw,
        serial=serial.content,
        digest_hash=digest_hash,
        content_digest=_read_digest(values),
        certificate_ids=_read_certificate_ids(values),
        signed_octets=bytes([SET]) + attributes.raw[1:],
        algorithm=_read_algorithm(algorithm),
        signature=signature.content,
    )


def _read_content(content: bytes) -> _TstInfo:
    (info,) = _exactly(read_elements(content), SEQUENCE)
    members = info.members()
    version, _policy, imprint, _serial, time = _exactly(
        members[:5], INTEGER, OBJECT_IDENTIFIER, SEQUENCE, INTEGER, GENERALIZED_TIME
    )
    positions = [_OPTIONAL_TST_TAGS.index(item.tag) for item in members[5:] if item.tag in _OPTIONAL_TST_TAGS]
    if len(positions) != len(members) - 5 or positions != sorted(set(positions)):
        raise _malformed("it has extensions, or members out of order")
    algorithm, octets = _exactly(imprint.members(), SEQUENCE, OCTET_STRING)
    if version.content != _TST_VERSION:
        raise _malformed("the timestamp is of another version")
    return _TstInfo(imprint_hash=_read_hash(algorithm), imprint=octets.content, time=_read_time(time.content))


def _read_time(text: bytes) -> datetime:
    written = _TIME.fullmatch(text)
    if written is None:
        raise _malformed("its time is not written as RFC 3161 demands")
    try:
        whole = datetime.strptime(written[1].decode("ascii"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise _malformed("there is no such time") from error
    return whole.replace(microsecond=int((written[2] or b"0")[:6].ljust(6, b"0")))


def _read_attributes(attributes: Element) -> dict[bytes, Element]:
    """The only value of each signed attribute."""
    values: dict[bytes, Element] = {}
    written = [attribute.raw for attribute in attributes.members()]
    if written != sorted(written):
        raise _malformed("the signed attributes are not in the order of DER")
    for attribute in attributes.members():
        kind, members = _exactly(_exactly([attribute], SEQUENCE)[0].members(), OBJECT_IDENTIFIER, SET)
        found = members.members()
        if kind.content in values or len(found) != 1:
            raise _malformed("a signed attribute does not have exactly one value")
        values[kind.content] = found[0]
    (content_type,) = _exactly([values[_CONTENT_TYPE]] if _CONTENT_TYPE in values else [], OBJECT_IDENTIFIER)
    if content_type.content != _TST_INFO:
        raise _malformed("the signer signed another type of content")
    return values


def _read_digest(values: dict[bytes, Element]) -> bytes:
    (digest,) = _exactly([values[_MESSAGE_DIGEST]] if _MESSAGE_DIGEST in values else [], OCTET_STRING)
    return digest.content


def _read_certificate_ids(values: dict[bytes, Element]) -> tuple[tuple[str, bytes], ...]:
    """The hash of the signer's certificate by each attribute that names it (RFC 2634, section 5.4; RFC 5035)."""
    found = []
    if _SIGNING_CERTIFICATE in values:
        identifier = _first_id(values[_SIGNING_CERTIFICATE])
        found.append(("sha1", _first(identifier, OCTET_STRING).content))
    if _SIGNING_CERTIFICATE_V2 in values:
        identifier = _first_id(values[_SIGNING_CERTIFICATE_V2])
        named = bool(identifier) and identifier[0].tag == SEQUENCE
        hash_name = _read_hash(identifier[0]) if named else "sha256"
        found.append((hash_name, _first(identifier[1:] if named else identifier, OCTET_STRING).content))
    if not found:
        raise _malformed("the signer does not name its certificate")
    return tuple(found)


def _first_id(value: Element) -> list[Element]:
    (outer,) = _exactly([value], SEQUENCE)
    identifiers = _first(outer.members(), SEQUENCE)
    return _first(identifiers.members(), SEQUENCE).members()


def _read_hash(algorithm: Element) -> str:
    name = HASH_NAMES.get(_read_algorithm(_exactly([algorithm], SEQUENCE)[0]))
    if name is None:
        raise _malformed("it uses another hash than SHA-256, SHA-384 or SHA-512")
    return name


def _read_algorithm(algorithm: Element) -> bytes:
    """The object identifier of an algorithm that has no parameters."""
    kind, *parameters = algorithm.members() or [algorithm]
    if kind.tag != OBJECT_IDENTIFIER or [(item.tag, item.content) for item in parameters] not in ([], [(NULL, b"")]):
        raise _malformed("it uses an algorithm with parameters")
    return kind.content


def _exactly(elements: Sequence[Element], *tags: int) -> Sequence[Element]:
    if [element.tag for element in elements] != list(tags):
        raise _malformed("its members are not those of a timestamp")
    return elements


def _first(elements: Sequence[Element], tag: int) -> Element:
    return _exactly(elements[:1], tag)[0]


def _malformed(why: str) -> InvalidInput:
    return InvalidInput("timestamp_malformed", f"a timestamp cannot be read: {why}", remedy="stamp again")
