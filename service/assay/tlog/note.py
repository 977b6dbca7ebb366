"""Signed notes with Ed25519 keys (C2SP signed-note v1); the only notes here are checkpoints."""

import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.formats.base64text import decode_base64, encode_base64

_ED25519 = b"\x01"
_KEY_OCTETS = 32
_ID_OCTETS = 4
_SECRET_PREFIX = "PRIVATE+KEY+"  # noqa: S105  # the word before the secret, not the secret
_DASH = "\u2014"
_LONGEST_NOTE = 1_000_000
_MOST_SIGNATURES = 100
_UNCLEAN = re.compile("[\x00-\x09\x0b-\x1f\ud800-\udfff]")
"""Control characters but the newline, and halves of characters that have no UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """The public half of a key that signs notes: its name and 32 bytes of Ed25519.

    Its text form is `name+id+base64`, the id being eight hex characters. Raises `InvalidInput(verifier_key_malformed)`.
    """

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name) or len(self.public) != _KEY_OCTETS:
            raise _key_malformed("it needs a name without blanks and plus signs, and 32 bytes of key")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the text form; the key id in it must be that of name and key."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        octets = decode_base64(encoded, what="the verifier key", code="verifier_key_malformed")
        if octets[:1] != _ED25519:
            raise _key_malformed("it is not the base64 of an Ed25519 key")
        key = cls(name=name, public=octets[1:])
        if key.key_id.hex() != key_id:
            raise _key_malformed("its key id is not that of name and key")
        return key

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name || newline || 0x01 || key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_ID_OCTETS]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(_ED25519 + self.public)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key that signs notes; its text form is `PRIVATE+KEY+name+id+base64` and is secret.

    `seed` are the 32 bytes that the key is derived from. Raises `InvalidInput(signing_key_malformed)`, which never
    repeats the text.
    """

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not is_key_name(self.name) or len(self.seed) != _KEY_OCTETS:
            raise _secret_malformed()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the text form; the key id in it must be that of name and key."""
        if not text.startswith(_SECRET_PREFIX):
            raise _secret_malformed()
        name, _, rest = text.strip().removeprefix(_SECRET_PREFIX).partition("+")
        key_id, _, encoded = rest.partition("+")
        octets = decode_base64(encoded, what="the checkpoint key", code="signing_key_malformed")
        if octets[:1] != _ED25519:
            raise _secret_malformed()
        key = cls(name=name, seed=octets[1:])
        if key.verifier_key.key_id.hex() != key_id:
            raise _secret_malformed()
        return key

    @property
    def verifier_key(self) -> VerifierKey:
        """The public half."""
        return _key_pair(self)[1]

    def render_secret(self) -> str:
        """The text form, for a file that nobody else can read."""
        return f"{_SECRET_PREFIX}{self.name}+{self.verifier_key.key_id.hex()}+{encode_base64(_ED25519 + self.seed)}"

    def sign(self, text: str) -> str:
        """The note: `text`, which must end in a newline, an empty line and one signature line."""
        if not text.endswith("\n"):
            raise ValueError("the text of a note ends in a newline")
        secret, verifier = _key_pair(self)
        signature = encode_base64(verifier.key_id + secret.sign(text.encode()))
        return f"{text}\n{_DASH} {self.name} {signature}\n"


@lru_cache(maxsize=16)
def _key_pair(key: SigningKey) -> tuple[Ed25519PrivateKey, VerifierKey]:
    """Derived once: every checkpoint is signed with the same key."""
    secret = Ed25519PrivateKey.from_private_bytes(key.seed)
    return secret, VerifierKey(name=key.name, public=secret.public_key().public_bytes_raw())


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line, unverified."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedNote:
    """A note as it was read: nothing in it may be believed before `verify_note`."""

    text: str
    signatures: tuple[NoteSignature, ...]


def parse_untrusted_note(note: str) -> UntrustedNote:
    """Split a note into text and signatures; raises `EvidenceRejected(checkpoint_malformed)`."""
    if len(note) > _LONGEST_NOTE or not _is_clean(note):
        raise note_malformed("it is too long or has control characters")
    end = note.rfind("\n\n")
    if end < 0 or not note.endswith("\n"):
        raise note_malformed("there is no empty line between text and signatures")
    lines = note[end + 2 :].split("\n")[:-1]
    if not 0 < len(lines) <= _MOST_SIGNATURES:
        raise note_malformed(f"it has {len(lines)} signatures")
    return UntrustedNote(text=note[: end + 1], signatures=tuple(_parse_signature(line) for line in lines))


def verify_note(note: str, key: VerifierKey) -> str:
    """The text of a note that `key` signed.

    Signatures of other keys are ignored, also when they share the name or the id; one of this key that does not
    verify rejects the note. Raises `EvidenceRejected(checkpoint_malformed | checkpoint_signature_invalid)`.
    """
    untrusted_note = parse_untrusted_note(note)
    ours = [item for item in untrusted_note.signatures if (item.name, item.key_id) == (key.name, key.key_id)]
    if not ours:
        raise _signature_invalid(f"no signature is by {key.name}+{key.key_id.hex()}")
    public = Ed25519PublicKey.from_public_bytes(key.public)
    for item in ours:
        try:
            public.verify(item.signature, untrusted_note.text.encode())
        except InvalidSignature as error:
            raise _signature_invalid(f"the signature by {key.name} does not verify") from error
    return untrusted_note.text


def is_key_name(name: str) -> bool:
    """Whether a key may be called so: not empty, no blank, no plus sign, no control character."""
    # `split` breaks at the same marks that `isspace` knows: a name of one piece has none of them.
    return _is_clean(name) and "+" not in name and name.split() == [name]


def note_malformed(why: str) -> EvidenceRejected:
    """The rejection of a note that cannot be read."""
    return EvidenceRejected(
        "checkpoint_malformed", f"the checkpoint cannot be read: {why}", remedy="ask the log for it again"
    )


def decode_base64_line(text: str) -> bytes:
    """The bytes of a base64 line of a note; raises `EvidenceRejected(checkpoint_malformed)`."""
    try:
        return decode_base64(text, what="a line", code="checkpoint_malformed")
    except InvalidInput as error:
        raise note_malformed(error.message) from error


def _parse_signature(line: str) -> NoteSignature:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    octets = decode_base64_line(encoded)
    if dash != _DASH or not is_key_name(name) or len(octets) <= _ID_OCTETS:
        raise note_malformed("a signature line is not of the form: dash, key name, base64")
    return NoteSignature(name=name, key_id=octets[:_ID_OCTETS], signature=octets[_ID_OCTETS:])


def _is_clean(text: str) -> bool:
    return _UNCLEAN.search(text) is None


def _signature_invalid(why: str) -> EvidenceRejected:
    return EvidenceRejected(
        "checkpoint_signature_invalid",
        f"the checkpoint is not signed by the log: {why}",
        remedy="check that the verifier key is that of this log",
    )


def _key_malformed(why: str) -> InvalidInput:
    return InvalidInput(
        "verifier_key_malformed",
        f"the verifier key cannot be read: {why}",
        remedy="give the line of `checkpoint.pub`: name+id+base64",
    )


def _secret_malformed() -> InvalidInput:
    return InvalidInput(
        "signing_key_malformed",
        "the checkpoint key cannot be read",
        remedy="restore the file; its form is PRIVATE+KEY+name+id+base64",
    )
