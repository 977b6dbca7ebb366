"""The extensions of a certificate, read once for all that is asked of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtensionOID

_PROCESSED = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
)
"""Extensions whose meaning is enforced; any other that is critical denies (RFC 5280, section 4.2)."""

_UNREADABLE = (
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
    ValueError,
    TypeError,
    LookupError,
    Warning,
)
"""What reading the extensions of a crafted certificate raises."""

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extensions:
    """All extensions of one certificate, by object identifier; each occurs once."""

    by_oid: Mapping[x509.ObjectIdentifier, x509.Extension[x509.ExtensionType]]

    @classmethod
    def read(cls, certificate: x509.Certificate) -> "Extensions":
        """Read them; `ValueError` when one of them cannot be read, or occurs twice."""
        try:
            return cls(by_oid={extension.oid: extension for extension in certificate.extensions})
        except _UNREADABLE as error:
            raise ValueError("the extensions cannot be read") from error

    def find(self, kind: type[_Extension]) -> x509.Extension[_Extension] | None:
        """One extension, None when it is not there."""
        return cast("x509.Extension[_Extension] | None", self.by_oid.get(kind.oid))

    def find_octets(self, oid: x509.ObjectIdentifier) -> bytes | None:
        """The content of one extension that the library does not know, None when it is not there."""
        extension = self.by_oid.get(oid)
        if extension is None or not isinstance(extension.value, x509.UnrecognizedExtension):
            return None
        return extension.value.value

    def refuse_unprocessed(self) -> None:
        """Raise `ValueError` when the certificate restricts itself in a way that is not enforced here."""
        for oid, extension in self.by_oid.items():
            if oid == ExtensionOID.NAME_CONSTRAINTS or (extension.critical and oid not in _PROCESSED):
                raise ValueError(f"the extension {oid.dotted_string} is not supported")
