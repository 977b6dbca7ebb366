"""What a signature is over: bytes at hand, or digests of bytes that are not."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from assay.domain.digest import Digest
from assay.formats.untrusted_evidence import HashName


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as far as it is known: its bytes, or `known` digests of it.

    The bytes are `head` and `octets`: what an envelope signs begins with a head, and a long payload is not copied
    behind it only to be hashed. A digest is computed once, however many keys are tried. Where `octets` is None, nothing
    verifies that needs the bytes (Ed25519) or a hash that is not known. Not checked: that known digests are those of
    the same bytes.
    """

    head: bytes = field(default=b"", repr=False)
    octets: bytes | None = field(default=None, repr=False)
    known: Mapping[HashName, bytes] = field(default_factory=dict, hash=False)
    _computed: dict[HashName, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of_digest(cls, digest: Digest) -> "Message":
        """The message of which only this digest is known."""
        return cls(known={HashName.SHA256: digest.octets})

    @classmethod
    def of_content(cls, octets: bytes, digest: Digest) -> "Message":
        """The message of these bytes, whose digest was computed before."""
        return cls(octets=octets, known={HashName.SHA256: digest.octets})

    def digest(self, name: HashName) -> bytes | None:
        """The digest under a hash, None when it is neither known nor computable."""
        if self.octets is None or name in self.known:
            return self.known.get(name)
        if name not in self._computed:
            computed = hashlib.new(name.value, self.head)
            computed.update(self.octets)
            self._computed[name] = computed.digest()
        return self._computed[name]

    def join(self) -> bytes | None:
        """All bytes, None when they are not known."""
        return None if self.octets is None else self.head + self.octets
