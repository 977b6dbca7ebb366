"""Whole pieces of evidence and trust roots, from any bytes."""

import base64
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from assay.adapters.registry.layout import OciLayout
from assay.domain.digest import Digest
from assay.domain.evidence import Claim, EvidenceItem, EvidenceShape, Rejection, SignatureClaim
from assay.domain.identity import Authority
from assay.domain.limit import Limits
from assay.domain.reason import REJECTION_CODES
from assay.domain.reference import Reference
from assay.formats.bundle import parse_bundle
from assay.formats.dsse import Envelope
from assay.formats.public_key import parse_public_key
from assay.formats.statement import parse_statement
from assay.formats.strict_json import parse_json
from assay.formats.trusted_root import parse_trusted_root
from assay.formats.untrusted_evidence import HashName, MessageSignature, UntrustedEvidence
from assay.usecases.collect import collect
from assay.usecases.index import list_manifests
from assay.usecases.resolve import resolve
from assay.verification.identity import IdentityPattern, SanType
from assay.verification.item import verify_bundle, verify_item
from assay.verification.message import Message
from assay.verification.root_builder import build_trust_root
from assay.verification.text_pattern import TextPattern
from assay.verification.trust_root import TrustProfile, TrustRoot
from tests.fakes.draws import Draws
from tests.fakes.judge import WORLD, judge
from tests.fakes.mutation import Mutator
from tests.fakes.oci import refuse_nothing, soon
from tests.fakes.sigstore import IMAGE
from tests.fakes.vectors import ASSETS, embedded_root, trust

LIMITS = Limits()
LAYOUTS = ASSETS.parent / "cosign-v3-layouts"
ROOTS = ("sigstore staging", "sigstore production")
_LARGEST_SEED = 20_000
_LEGACY = ("key-legacy", "keyless-legacy-rekor1", "keyless-legacy-tsa")
_TEXTS = ("signature", "certificate", "chain", "bundle", "rfc3161timestamp")
JUDGE = judge()
_CODES = REJECTION_CODES.keys() - {"internal"}


def anybody(root: str) -> Authority:
    """The authority whom every certificate of a root meets."""
    every = TextPattern(regex="(?s).*")
    return Authority(
        name=root,
        identities=tuple(IdentityPattern(issuer=every, san=every, san_type=kind) for kind in SanType),
        root=root,
    )


def _accepted(outcome: Claim | Rejection) -> Claim | None:
    """The claim, or None for a rejection with a code that belongs here."""
    if isinstance(outcome, Rejection):
        assert outcome.code in _CODES, outcome
        assert outcome.detail
        return None
    return outcome


def _subjects(claim: Claim) -> set[Digest]:
    return {claim.bound_to} if isinstance(claim, SignatureClaim) else set(claim.subjects)


def minted(octets: bytes) -> bool:
    """Evidence minted, broken and signed again as the octets decide, judged by its own signer."""
    mutant = Mutator(source=Draws(octets), world=WORLD).next()
    claim = _accepted(JUDGE.outcome(mutant.item))
    if claim is not None:
        assert claim.authorities == (("acme",) if mutant.recipe.keyless else ("release",)), mutant
        assert IMAGE in _subjects(claim), mutant
        assert claim.times, mutant
    return claim is not None


def minted_seeds() -> Iterator[bytes]:
    for way in range(0, 256, 12):
        yield bytes([way, 0, way, 1, 2, 3, way])


def stated_artefact(evidence: UntrustedEvidence) -> Message:
    """What evidence says it is about, unverified, so that only what was signed can stand in the way."""
    match evidence.content:
        case MessageSignature(hint=(name, digest)):
            return Message(known={HashName.SHA256: Digest.of(digest).octets, name: digest})
        case Envelope() as envelope:
            named = [each.digest for each in parse_statement(envelope.untrusted_payload, limits=LIMITS).subjects]
            return Message.of_digest(next((digest for digest in named if digest is not None), IMAGE))
        case _:
            return Message.of_digest(IMAGE)


def bundle(octets: bytes) -> bool:
    """A bundle under two public trust roots; whoever is accepted signed one of the recorded contents."""
    artefact = stated_artefact(parse_bundle(octets, limits=LIMITS))
    claim = _accepted(
        verify_bundle(
            octets,
            artefact=artefact,
            authorities=[anybody(root) for root in ROOTS],
            roots={root: trust(root) for root in ROOTS},
            limits=LIMITS,
        )
    )
    assert claim is None or _subjects(claim) <= _recorded_subjects(), claim
    return claim is not None


def bundle_seeds() -> Iterator[bytes]:
    for file in sorted(ASSETS.rglob("*")):
        if "sigstore" in file.suffix + file.stem and file.is_file() and file.stat().st_size < _LARGEST_SEED:
            octets = file.read_bytes()
            if octets.startswith(b"{"):
                yield octets


@cache
def _recorded_subjects() -> frozenset[Digest]:
    found: set[Digest] = set()
    for octets in bundle_seeds():
        document = json.loads(octets)
        if "dsseEnvelope" in document:
            statement = json.loads(base64.b64decode(document["dsseEnvelope"]["payload"]))
            named = [subject["digest"].get("sha256", "") for subject in statement["subject"]]
            found |= {Digest.from_hex(text) for text in named if text}
        elif "messageSignature" in document:
            found.add(Digest.of(base64.b64decode(document["messageSignature"]["messageDigest"]["digest"])))
            found.add(Digest.from_hex(base64.b64decode(document["messageSignature"]["messageDigest"]["digest"]).hex()))
    return frozenset(found)


@cache
def _layout_roots() -> dict[str, TrustRoot]:
    document = parse_trusted_root((LAYOUTS / "trusted_root.json").read_bytes(), limits=LIMITS)
    profiles = {
        "logged": TrustProfile(log_entries=1, scts=1, timestamps=0),
        "stamped": TrustProfile(log_entries=0, scts=1, timestamps=1),
    }
    return {name: build_trust_root(document, profile, name) for name, profile in profiles.items()}


@cache
def _images() -> tuple[Digest, ...]:
    table = json.loads((LAYOUTS / "expected.json").read_bytes())["cases"]
    return tuple(Digest(table[case]["image_digest"]) for case in _LEGACY)


def legacy(octets: bytes) -> bool:
    """A layer of a legacy tag with its annotations; whoever is accepted signed one of the recorded payloads."""
    document = parse_json(octets, what="the layer", largest=LIMITS.blob_octets)
    if not isinstance(document, dict):
        return False
    texts: dict[str, Any] = {name: str(document.get(name, "")) for name in _TEXTS}
    shape = EvidenceShape.LEGACY_SIGNATURE if texts["signature"] else EvidenceShape.LEGACY_ATTESTATION
    content = str(document.get("content", "")).encode("utf-8", "surrogatepass")
    item = EvidenceItem(shape=shape, content=content, **texts)
    key = parse_public_key((LAYOUTS / "keys" / "a.pub").read_bytes())
    authorities = [*map(anybody, _layout_roots()), Authority(name="key", keys=(key,))]
    claims = [
        _accepted(verify_item(item, subject=image, authorities=authorities, roots=_layout_roots(), limits=LIMITS))
        for image in _images()
    ]
    accepted = any(claim is not None for claim in claims)
    assert not accepted or item.content in _recorded_contents(), item
    return accepted


@cache
def _recorded_contents() -> frozenset[bytes]:
    return frozenset(str(json.loads(seed)["content"]).encode() for seed in legacy_seeds())


def legacy_seeds() -> Iterator[bytes]:
    for case, image in zip(_LEGACY, _images(), strict=True):
        layout = OciLayout.open(LAYOUTS, case, limits=LIMITS)
        reference = Reference.parse(f"layout.invalid/image@{image}")
        listing = list_manifests(layout, resolve(layout, reference, soon()), soon(), LIMITS)
        (collected,) = collect(layout, listing, soon(), LIMITS, refuse=refuse_nothing)
        for item in collected.items:
            texts = {name: getattr(item, name) for name in _TEXTS}
            yield json.dumps({"content": item.content.decode(), **texts}).encode()


def trusted_root(octets: bytes) -> bool:
    """A trust root; one that loads has a start for each of its keys."""
    root = build_trust_root(parse_trusted_root(octets, limits=LIMITS), TrustProfile.public_good(), "fuzzed")
    windows = [log.window for log in root.logs.values()] + [log.window for log in root.ct_logs.values()]
    assert all(window.start is not None for window in windows)
    return True


def trusted_root_seeds() -> Iterator[bytes]:
    yield from (json.dumps(embedded_root(instance)).encode() for instance in ("sigstore", "sigstage"))
    yield WORLD.trusted_root()
    for file in sorted(ASSETS.rglob("*trust*/*.json")):
        yield file.read_bytes()
