"""Trust roots: immutable, decoded once, checked once, shared by every verification."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from cryptography import x509

from assay.domain.digest import Digest
from assay.domain.errors import ConfigError
from assay.formats.public_key import VerifyingKey
from assay.verification.issuer import IssuerCertificate
from assay.verification.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustProfile:
    """What evidence must bring at least, under one trust root and under no other.

    `log_entries` and `scts` count logs, not entries; `timestamps` count tokens. `certificate_chains` admits bundles of
    version 0.3 with a certificate chain, as a private PKI writes them. `ConfigError(trust_profile_invalid)` for a
    profile that asks for neither a log entry nor a timestamp: nothing would say when a signature was made.
    """

    log_entries: int
    scts: int
    timestamps: int
    certificate_chains: bool = False

    def __post_init__(self) -> None:
        if min(self.log_entries, self.scts, self.timestamps) < 0 or not self.log_entries + self.timestamps:
            raise ConfigError(
                "trust_profile_invalid",
                "a profile asks for neither log entries nor timestamps",
                remedy="ask for at least one of them: without, nothing says when a signature was made",
            )

    @classmethod
    def public_good(cls) -> Self:
        """The public-good instance of Sigstore: one log entry, one SCT."""
        return cls(log_entries=1, scts=1, timestamps=0)

    @classmethod
    def github(cls) -> Self:
        """GitHub's own instance: one timestamp, no log, no SCT."""
        return cls(log_entries=0, scts=0, timestamps=1)

    @classmethod
    def of_services(cls, *, log: bool, ct_log: bool) -> Self:
        """What a root of one's own demands unless told otherwise: of each service that it has, one.

        Without a log it demands a timestamp.
        """
        return cls(log_entries=int(log), scts=int(ct_log), timestamps=int(not log))

    def document(self) -> dict[str, int | bool]:
        """The profile as JSON values."""
        return {
            "log_entries": self.log_entries,
            "scts": self.scts,
            "timestamps": self.timestamps,
            "certificate_chains": self.certificate_chains,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateAuthority:
    """A certificate authority: the certificates that may have issued a leaf, the root last, each issued by the next."""

    uri: str
    issuers: tuple[IssuerCertificate, ...]
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampAuthority:
    """A timestamp authority: `signer` is its own certificate, None when tokens bring it; `issuers` end in the root.

    `unsuitable` says why tokens of this signer are refused; it is empty for one that may stamp.
    """

    uri: str
    signer: x509.Certificate | None
    issuers: tuple[IssuerCertificate, ...]
    window: Window
    unsuitable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKey:
    """The key of a transparency log.

    Generation 1 (Rekor v1): `log_id` is the SHA-256 of the key. Generation 2 (Rekor v2): `log_id` is the id of the
    note key, which binds the log's origin. `name` is the host of `base_url`, not necessarily the origin.
    """

    log_id: bytes
    key: VerifyingKey = field(repr=False)
    generation: int
    name: str
    base_url: str
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class CtKey:
    """The key of a certificate transparency log; `log_id` is the SHA-256 of that key (RFC 6962, section 3.2)."""

    log_id: bytes
    key: VerifyingKey = field(repr=False)
    base_url: str
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRoot:
    """Everything that evidence of one world is judged by.

    `digest` identifies the document together with the profile; it belongs into every cache key and every decision.
    `warnings` name what was loaded and will never verify anything.
    """

    name: str
    authorities: tuple[CertificateAuthority, ...]
    logs: Mapping[bytes, LogKey]
    ct_logs: Mapping[bytes, CtKey]
    timestamp_authorities: tuple[TimestampAuthority, ...]
    profile: TrustProfile
    digest: Digest
    warnings: tuple[str, ...] = ()
