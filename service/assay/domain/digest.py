"""Content digests."""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from assay.domain.errors import InvalidInput

_FORM = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A SHA-256 content digest in its canonical form `sha256:<64 lower-case hex characters>`.

    Other algorithms are refused: every identity in Assay is SHA-256 (OCI image specification, "digests").
    Raises `InvalidInput(digest_malformed)`.
    """

    text: str

    def __post_init__(self) -> None:
        if not _FORM.fullmatch(self.text):
            raise InvalidInput(
                "digest_malformed",
                f"{self.text[:100]!r} is not a digest",
                remedy="write sha256: followed by 64 lower-case hex characters",
            )

    @classmethod
    def of(cls, content: bytes) -> Self:
        """The digest of these bytes."""
        return cls(f"sha256:{hashlib.sha256(content).hexdigest()}")

    @classmethod
    def from_hex(cls, value: str) -> Self:
        """The digest with this bare hex value, as in-toto subjects write it."""
        return cls(f"sha256:{value}")

    @property
    def hex(self) -> str:
        """The 64 hex characters."""
        return self.text.removeprefix("sha256:")

    @property
    def octets(self) -> bytes:
        """The 32 raw bytes."""
        return bytes.fromhex(self.hex)

    def __str__(self) -> str:
        return self.text
