"""Parts of evidence, each by itself: nothing before them can refuse the bytes first."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from assay.domain.descriptor import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.domain.limit import Limits
from assay.formats.bundle import parse_bundle
from assay.formats.certificate import encode_certificate, parse_certificate
from assay.formats.dsse import Envelope
from assay.formats.log_entry import LogEntry
from assay.formats.manifest import parse_image_config, parse_manifest, parse_referrer_list
from assay.formats.public_key import parse_public_key, render_public_key
from assay.formats.simple_signing import parse_simple_signing
from assay.formats.statement import parse_statement, render_statement
from assay.formats.timestamp_token import parse_timestamp_token
from assay.formats.untrusted_evidence import HashName, UntrustedEvidence
from assay.verification.chain import check_leaf, verify_chain
from assay.verification.checkpoint import TreeHead, verify_log_checkpoint
from assay.verification.content import signed_message
from assay.verification.identity import read_identity
from assay.verification.issuer import CODE_SIGNING, read_issuer
from assay.verification.log_body import LoggedSignature, Verifier, verify_log_body
from assay.verification.message import Message
from assay.verification.sct import verify_scts
from assay.verification.signature import Scheme
from assay.verification.timestamp import verify_timestamps
from assay.verification.trust_root import LogKey
from tests.fakes.sigstore import IMAGE
from tests.fakes.vectors import ASSETS, trust
from tests.fuzz.evidence import LAYOUTS, ROOTS, bundle_seeds

LIMITS = Limits()
MEDIA_TYPES = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, "application/json")
_TSA = ASSETS / "sigstore-python" / "tsa"
_HASH_IN_BODY = re.compile(rb'("(?:envelopeHash|hash)":\{"algorithm":"sha256","value":)"[0-9a-f]{64}"')


@cache
def _recorded() -> tuple[UntrustedEvidence, ...]:
    """Every recorded bundle that can be read."""
    found = []
    for octets in bundle_seeds():
        with suppress(EvidenceRejected, InvalidInput):
            found.append(parse_bundle(octets, limits=LIMITS))
    return tuple(found)


@cache
def _logged() -> tuple[tuple[LogEntry, LogKey, LoggedSignature], ...]:
    """Recorded entries with the log and the signature that they are about."""
    logs = {log_id: log for root in ROOTS for log_id, log in trust(root).logs.items()}
    found = []
    for evidence in _recorded():
        known = [entry for entry in evidence.log_entries if evidence.certificates and entry.log_id in logs]
        found += [(entry, logs[entry.log_id], _signature(evidence)) for entry in known]
    return tuple(found)


def _signature(evidence: UntrustedEvidence) -> LoggedSignature:
    content = evidence.content
    stated = getattr(content, "hint", None)
    message = signed_message(content, Message(known=dict([stated])) if stated else Message.of_digest(IMAGE))
    return LoggedSignature(
        signature=content.signature,
        scheme=Scheme(hash=HashName.SHA256, key_details="PKIX_ECDSA_P256_SHA_256"),
        digest=message.digest(HashName.SHA256) or b"",
        verifier=Verifier(der=encode_certificate(evidence.certificates[0]), is_certificate=True),
        envelope=content if isinstance(content, Envelope) else None,
    )


def log_body(octets: bytes) -> bool:
    """A logged body (behind one octet that picks the entry); one that is accepted says what was recorded."""
    entry, log, logged = _logged()[octets[0] % len(_logged())] if octets else _logged()[0]
    body = octets[1:]
    verify_log_body(replace(entry, body=body), log, logged)
    if (entry.kind, entry.version) == ("intoto", "0.0.2"):
        content, recorded = (json.loads(each)["spec"]["content"] for each in (body, entry.body))
        assert content["payloadHash"] == recorded["payloadHash"]
        assert content["envelope"]["signatures"][0]["sig"] == recorded["envelope"]["signatures"][0]["sig"]
    else:
        assert _HASH_IN_BODY.sub(rb"\1", body) == _HASH_IN_BODY.sub(rb"\1", entry.body)
    return True


def log_body_seeds() -> Iterator[bytes]:
    for number, (entry, _, _) in enumerate(_logged()):
        yield bytes([number]) + entry.body


@cache
def _tokens() -> tuple[tuple[bytes, bytes], ...]:
    """Recorded tokens with what they stamp."""
    found = [((_TSA / "issue1482-timestamp-with-no-cert").read_bytes(), (_TSA / "issue1482-message").read_bytes())]
    found += [(token, evidence.stamped) for evidence in _recorded() for token in evidence.timestamps[:2]]
    return tuple(dict(found).items())


@cache
def _stamped_contents() -> frozenset[bytes]:
    return frozenset(parse_timestamp_token(token).content for token, _ in _tokens())


def timestamp(octets: bytes) -> bool:
    """A token; one that is accepted has the content of a recorded one."""
    parsed, accepted = parse_timestamp_token(octets), False
    for message in sorted({message for _, message in _tokens()}):
        for root in ROOTS:
            with suppress(EvidenceRejected):
                accepted = bool(verify_timestamps([octets], message, trust(root)))
    assert not accepted or parsed.content in _stamped_contents()
    return accepted


def timestamp_seeds() -> Iterator[bytes]:
    return (token for token, _ in _tokens())


def _notes() -> Iterator[str]:
    yield (LAYOUTS / "rekor2-log" / "checkpoint").read_text(encoding="utf-8")
    yield from (entry.proof.checkpoint for each in _recorded() for entry in each.log_entries if entry.proof is not None)


@cache
def _heads() -> frozenset[TreeHead]:
    return frozenset(head for note in _notes() for head in _heads_of(note))


def _heads_of(note: str) -> Iterator[TreeHead]:
    for root in (*ROOTS, "sigstore-go/trusted-roots/public-good.json"):
        for log in trust(root).logs.values():
            with suppress(EvidenceRejected):
                yield verify_log_checkpoint(note, log)


def checkpoint(octets: bytes) -> bool:
    """A checkpoint; one that is accepted is a recorded one, whatever cosignatures stand below."""
    note = octets.decode("utf-8", "surrogateescape")
    heads = set(_heads_of(note))
    assert heads <= _heads()
    if not heads:
        verify_log_checkpoint(note, next(iter(trust(ROOTS[0]).logs.values())))
    return bool(heads)


def checkpoint_seeds() -> Iterator[bytes]:
    return (note.encode() for note in _notes())


@cache
def _issued() -> frozenset[bytes]:
    return frozenset(each.certificates[0].tbs_certificate_bytes for each in _recorded() if each.certificates)


def certificate(octets: bytes) -> bool:
    """A certificate in every place that one can have; one with a path to a root is a recorded one."""
    read = parse_certificate(octets, what="the certificate", limits=LIMITS)
    uses: tuple[Callable[[], object], ...] = (
        lambda: read_identity(read),
        lambda: check_leaf(read),
        lambda: read_issuer(read, CODE_SIGNING),
        *(lambda root=root: _issue(read, root) for root in ROOTS),
    )
    issued = False
    for use in uses:
        with suppress(EvidenceRejected, InvalidInput):
            issued = use() is True or issued
    return issued


def _issue(leaf: x509.Certificate, root: str) -> bool:
    issuer = verify_chain(leaf, (), trust(root), [leaf.not_valid_before_utc])
    assert leaf.tbs_certificate_bytes in _issued()
    return verify_scts(leaf, issuer, trust(root)) > 0


def certificate_seeds() -> Iterator[bytes]:
    yield from (encode_certificate(each) for evidence in _recorded() for each in evidence.certificates)
    for file in sorted((ASSETS / "sigstore-python" / "x509").glob("*.pem")):
        yield x509.load_pem_x509_certificate(file.read_bytes()).public_bytes(Encoding.DER)


def manifest(octets: bytes) -> bool:
    """A manifest, an index, a list of referrers or a configuration; what it names is a digest."""
    for media_type in MEDIA_TYPES:
        with suppress(InvalidInput):
            parse_manifest(octets, media_type, what="it", limits=LIMITS)
        with suppress(InvalidInput):
            parse_referrer_list(octets, media_type, what="it", limits=LIMITS)
    return bool(parse_image_config(octets, what="it", limits=LIMITS))


def manifest_seeds() -> Iterator[bytes]:
    for case in ("key-legacy", "index-top", "fallback-tag", "hand-minimal", "keyless-ci"):
        for file in sorted((LAYOUTS / case / "blobs" / "sha256").iterdir()):
            octets = file.read_bytes()
            if octets.startswith(b"{") and b'"mediaType"' in octets:
                yield octets


def statement(octets: bytes) -> bool:
    """A signed payload of either kind; a statement that is read is written and read back as itself."""
    with suppress(InvalidInput):
        parse_simple_signing(octets, limits=LIMITS)
    read = parse_statement(octets, limits=LIMITS)
    assert parse_statement(render_statement(read), limits=LIMITS) == read
    return True


def statement_seeds() -> Iterator[bytes]:
    for evidence in _recorded():
        if isinstance(evidence.content, Envelope):
            yield evidence.content.untrusted_payload
    for seed in sorted((ASSETS / "connaisseur-registry").rglob("blobs/*.json")):
        yield seed.read_bytes()


def public_key(octets: bytes) -> bool:
    """A public key in PEM; one that is read is written and read back as itself."""
    key = parse_public_key(octets)
    assert parse_public_key(render_public_key(key)) == key
    return True


def public_key_seeds() -> Iterator[bytes]:
    for file in sorted((*ASSETS.rglob("*.pub"), *ASSETS.rglob("public-keys/*.pem"), *LAYOUTS.rglob("keys/*.pub"))):
        yield file.read_bytes()
