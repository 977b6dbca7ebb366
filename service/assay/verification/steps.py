"""The steps that every piece of evidence goes through, under the authorities of one trust root.

Two paths, that of a key and that of a certificate, in the same order: profile, times, chain and certificate (for
certificates), log, signature, logged body, content, identity. Each step is a function that returns what the next one
needs or raises the rejection; nothing is reported before the last one has passed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography.x509 import Certificate

from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.domain.evidence import VerifiedEntry
from assay.domain.limit import Limits
from assay.domain.signer import KeySigner, Signer
from assay.formats.dsse import Envelope
from assay.formats.public_key import accept_key
from assay.formats.untrusted_evidence import HashName, MessageSignature, UntrustedEvidence
from assay.verification.authority_group import AuthorityGroup
from assay.verification.chain import check_leaf, verify_chain
from assay.verification.content import VerifiedContent, signed_message, verify_content
from assay.verification.identity import read_identity
from assay.verification.log import entry_times, find_log, verify_log_entries, verify_promises
from assay.verification.log_body import LoggedSignature, Verifier, verify_log_body
from assay.verification.message import Message
from assay.verification.sct import verify_scts
from assay.verification.signature import Scheme, TrustedKey, find_scheme, find_signer
from assay.verification.timestamp import verify_timestamps
from assay.verification.trust_root import LogKey, TrustRoot

_STRANGERS_OCTETS = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Verified: `signer`, whom `authorities` name, signed the content; times oldest first."""

    signer: Signer
    authorities: tuple[str, ...]
    content: VerifiedContent
    times: tuple[datetime, ...]
    log_entries: tuple[VerifiedEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Verified times of signing: those of timestamps and those that logs promised."""

    stamped: tuple[datetime, ...] = ()
    promised: tuple[datetime, ...] = ()

    @property
    def all(self) -> tuple[datetime, ...]:
        """Every time once, oldest first."""
        return tuple(sorted({*self.stamped, *self.promised}))


def verify_key_evidence(
    evidence: UntrustedEvidence, artefact: Message, group: AuthorityGroup, *, limits: Limits
) -> Verified:
    """Verify evidence that names no certificate, with the configured keys of the group.

    A group without a trust root verifies neither log entries nor timestamps, and reports none. Raises
    `EvidenceRejected` and `InvalidInput` with the codes of `domain.reason.REJECTION_CODES`.
    """
    root = group.required_root() if group.root_name else None
    times, entries = Times(), tuple[VerifiedEntry, ...]()
    if root is not None:
        require_profile(evidence, root)
        times = verify_times(evidence, root)
        entries = verify_log_entries(evidence.log_entries, root.logs, stamped=times.stamped)
    message = signed_message(evidence.content, artefact)
    signature = evidence.content.signature
    try:
        key, scheme = find_signer(group.keys, message=message, signature=signature, declared=declared_hash(evidence))
    except EvidenceRejected:
        group.require_all_keys()
        raise
    if root is not None:
        verifier = Verifier(der=key.spki, is_certificate=False)
        verify_bodies(evidence, root, message, scheme, verifier)
    content = verify_content(evidence.content, artefact, layer=evidence.format == "cosign", limits=limits)
    return Verified(
        signer=KeySigner(key_id=key.key_id),
        authorities=match_key(key, times),
        content=content,
        times=times.all,
        log_entries=entries,
    )


def verify_certificate_evidence(
    evidence: UntrustedEvidence, artefact: Message, group: AuthorityGroup, *, limits: Limits
) -> Verified:
    """Verify evidence with a certificate, for the identities of the group.

    A configured key never counts here, also when the certificate holds it. Raises `EvidenceRejected` and
    `InvalidInput` with the codes of `domain.reason.REJECTION_CODES`.
    """
    root = group.required_root()
    leaf, *extra = evidence.certificates
    require_profile(evidence, root)
    times = verify_times(evidence, root)
    verify_certificate(leaf, extra, root, times)
    entries = verify_log_entries(evidence.log_entries, root.logs, stamped=times.stamped)
    message = signed_message(evidence.content, artefact)
    scheme = verify_certificate_signature(evidence, leaf, message)
    verifier = Verifier(der=evidence.signer_der, is_certificate=True)
    verify_bodies(evidence, root, message, scheme, verifier)
    try:
        signer, authorities = match_identity(leaf, group)
    except EvidenceRejected:
        refuse_content(evidence, artefact, limits=limits)
        raise
    content = verify_content(evidence.content, artefact, layer=evidence.format == "cosign", limits=limits)
    return Verified(signer=signer, authorities=authorities, content=content, times=times.all, log_entries=entries)


def require_profile(evidence: UntrustedEvidence, root: TrustRoot) -> None:
    """Require as many logs and timestamps as the profile of the trust root demands, before any of them is verified.

    Two entries in the same log, or in two logs with one key, count once. Raises
    `EvidenceRejected(trust_profile_unmet | bundle_unsupported)`.
    """
    if evidence.chain_in_new_bundle and not root.profile.certificate_chains:
        raise EvidenceRejected(
            "bundle_unsupported",
            "the trust root does not allow certificate chains in version 0.3 bundles",
            remedy="sign without a chain, or allow chains in the profile of the trust root",
        )
    for what, found, wanted in (
        ("logs", count_logs(evidence, root), root.profile.log_entries),
        ("timestamps", len(evidence.timestamps), root.profile.timestamps),
    ):
        if found < wanted:
            raise EvidenceRejected(
                "trust_profile_unmet",
                f"the evidence has {found} {what}, the trust root demands {wanted}",
                remedy="sign with the services that the trust root's profile names",
            )


def count_logs(evidence: UntrustedEvidence, root: TrustRoot) -> int:
    """How many different logs the entries name: two under one host or with one key are the same.

    Entries of unknown logs count until a later step rejects them for that.
    """
    unknown = {entry.log_id for entry in evidence.log_entries} - root.logs.keys()
    counted: list[LogKey] = []
    for entry in evidence.log_entries:
        log = root.logs.get(entry.log_id)
        if log is not None and not any(log.key == other.key or log.name == other.name for other in counted):
            counted.append(log)
    return len(counted) + len(unknown)


def verify_times(evidence: UntrustedEvidence, root: TrustRoot) -> Times:
    """Verify every timestamp and every promised time; one bad one rejects the evidence.

    Every log entry needs a time for its log's key. Raises
    `EvidenceRejected(timestamp_invalid | no_verified_time | log_proof_invalid)`.
    """
    stamped = verify_timestamps(evidence.timestamps, evidence.stamped, root) if evidence.timestamps else ()
    for entry in evidence.log_entries:
        entry_times(entry, stamped)
    return Times(stamped=stamped, promised=verify_promises(evidence.log_entries, root.logs))


def verify_certificate(leaf: Certificate, extra: Sequence[Certificate], root: TrustRoot, times: Times) -> None:
    """Verify chain, purpose and certificate timestamps of the signer's certificate at every verified time.

    Raises `EvidenceRejected(no_verified_time)` when there is no time: a certificate means nothing without one; and
    `EvidenceRejected(certificate_expired | chain_invalid | leaf_unsuitable | sct_missing | sct_invalid)`.
    """
    issuer = verify_chain(leaf, extra, root, times.all)
    check_leaf(leaf)
    verify_scts(leaf, issuer, root)


def verify_certificate_signature(evidence: UntrustedEvidence, leaf: Certificate, message: Message) -> Scheme:
    """How the signature verifies under the key of a certificate that `verify_certificate` has accepted.

    Raises `EvidenceRejected(signature_invalid)`.
    """
    scheme = find_scheme(
        accept_key(leaf.public_key()),
        message=message,
        signature=evidence.content.signature,
        declared=declared_hash(evidence),
    )
    if scheme is None:
        raise EvidenceRejected(
            "signature_invalid", "the signature does not verify under the certificate's key", remedy="sign again"
        )
    return scheme


def declared_hash(evidence: UntrustedEvidence) -> HashName | None:
    """The hash that a message signature says it is over, None when nothing is said."""
    content = evidence.content
    return content.hint[0] if isinstance(content, MessageSignature) and content.hint is not None else None


def verify_bodies(
    evidence: UntrustedEvidence, root: TrustRoot, message: Message, scheme: Scheme, verifier: Verifier
) -> None:
    """Require that every log entry is that of this signature, key and content.

    Raises `EvidenceRejected(log_entry_kind_unsupported | log_entry_mismatch)`.
    """
    if not evidence.log_entries:
        return
    logged = LoggedSignature(
        signature=evidence.content.signature,
        scheme=scheme,
        digest=message.digest(scheme.hash) or b"",
        verifier=verifier,
        envelope=evidence.content if isinstance(evidence.content, Envelope) else None,
    )
    for entry in evidence.log_entries:
        verify_log_body(entry, find_log(root.logs, entry), logged)


def refuse_content(evidence: UntrustedEvidence, artefact: Message, *, limits: Limits) -> None:
    """Raise what `verify_content` finds wrong with the content of a signer whom nobody trusts.

    That is the reason to report where both are wrong. Anybody can get a certificate and sign what costs much to
    parse, so that no more of it is read than of an unsigned document. Raises `EvidenceRejected` and `InvalidInput`.
    """
    spare = replace(
        limits,
        blob_octets=min(limits.blob_octets, _STRANGERS_OCTETS),
        json_structure=min(limits.json_structure, limits.bundle_structure),
    )
    try:
        verify_content(evidence.content, artefact, layer=evidence.format == "cosign", limits=spare)
    except InvalidInput as error:
        if error.code != "evidence_limit":
            raise


def match_key(key: TrustedKey, times: Times) -> tuple[str, ...]:
    """The authorities for whom the key counts at the verified times of signing.

    Raises `EvidenceRejected(no_verified_time | identity_mismatch)` when its window leaves none.
    """
    names = key.authorities_at(times.all)
    if not names and not times.all:
        raise EvidenceRejected(
            "no_verified_time",
            "the key counts for a limited time, and nothing says when it signed",
            remedy="sign with a timestamp authority",
        )
    if not names:
        raise identity_mismatch("the signature was made outside of the key's window")
    return names


def match_identity(leaf: Certificate, group: AuthorityGroup) -> tuple[Signer, tuple[str, ...]]:
    """The certificate's identity and all authorities of the group that name it.

    Raises `EvidenceRejected(identity_mismatch)`.
    """
    identity = read_identity(leaf)
    names = tuple(member.name for member in group.members if any(rule.matches(identity) for rule in member.identities))
    if not names:
        raise identity_mismatch(f"no configured authority names {str(identity)[:300]!r}")
    return identity, names


def identity_mismatch(why: str) -> EvidenceRejected:
    """The rejection of evidence by somebody whom nobody trusts."""
    return EvidenceRejected("identity_mismatch", why, remedy="sign as a configured authority, or configure the signer")
