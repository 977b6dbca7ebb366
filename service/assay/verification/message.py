"""What a signature is over: bytes at hand, or digests of bytes that are not."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from assay.domain.digest import Digest
from assay.formats.untrusted_evidence import HashName


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as far as it is known: its bytes, or `known` digests of it.

    A digest is computed once, however many keys are tried. Where `octets` is None, nothing verifies that needs the
    bytes (Ed25519) or a hash that is not known. Not checked: that known digests are those of the same bytes.
    """

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
            self._computed[name] = hashlib.new(name.value, self.octets).digest()
        return self._computed[name]
