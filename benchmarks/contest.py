"""CPU time per bundle of Assay and of sigstore-python, alternating in one process and one run.

Both do the whole job from the bytes of a bundle, with trust that was parsed before: bundles that real tools wrote, the
same one again and again, and minted ones that neither side has seen before (Assay remembers signatures of issuers over
certificates). The times are those of the process, not of the wall, in blocks of a few calls that alternate over both
sides. A ratio is the median of the ratios of neighbouring blocks, a time the median of all blocks.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from sigstore.hashes import Hashed
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity
from sigstore_models.common.v1 import HashAlgorithm

from assay.domain.digest import Digest
from assay.domain.evidence import EvidenceItem, EvidenceShape, Rejection
from assay.domain.identity import Authority
from assay.domain.limit import Limits
from assay.domain.signer import SignerIdentity
from assay.formats.public_key import parse_public_key
from assay.formats.trusted_root import parse_trusted_root
from assay.verification.authority_group import AuthorityGroup, group_authorities
from assay.verification.item import verify_item_for
from assay.verification.message import Message
from assay.verification.root_builder import build_trust_root
from assay.verification.trust_root import TrustProfile
from benchmarks.figure import Figure
from tests.fakes.certificate import ISSUER, WORKFLOW
from tests.fakes.judge import ACME, ROOT, WORLD
from tests.fakes.sigstore import IMAGE, Recipe
from tests.fakes.vectors import ASSETS, embedded_root, exactly, first_subject, signer

LAYOUTS = ASSETS.parent / "cosign-v3-layouts"
_ROUNDS, _WARM_UP, _CALLS = 60, 3, 5
_KEYED_MILLISECONDS = 0.15
_MINTED = 400
"""More than Assay remembers."""

Call = Callable[[], object]
Groups = Sequence[AuthorityGroup]


@dataclass(frozen=True, kw_only=True)
class Contest:
    """One kind of evidence: how each side verifies it, and the goals; sigstore-python verifies nothing by a key."""

    name: str
    ours: Call
    theirs: Call | None = None
    most_milliseconds: float | None = None
    most_ratio: float | None = None


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds of CPU per call in each round."""

    ours: list[float]
    theirs: list[float]


def measure() -> Iterator[Figure]:
    """Time and ratio for each kind of evidence; evidence of keys alone, because what is costly slows the next call."""
    for contests in ([*_keyed()], [*_real()], [*_minted()]):
        for contest, timing in zip(contests, _alternate(contests), strict=True):
            yield from _figures(contest, timing)


def _figures(contest: Contest, timing: Timing) -> Iterator[Figure]:
    yield Figure(
        name=f"{contest.name}: CPU", value=median(timing.ours) * 1000, unit="ms", goal=contest.most_milliseconds
    )
    if contest.theirs is not None:
        yield Figure(name=f"{contest.name}: CPU, sigstore-python", value=median(timing.theirs) * 1000, unit="ms")
        ratios = [ours / theirs for ours, theirs in zip(timing.ours, timing.theirs, strict=True)]
        yield Figure(name=f"{contest.name}: ratio", value=median(ratios), unit="x", goal=contest.most_ratio)


def _alternate(contests: Sequence[Contest]) -> Sequence[Timing]:
    """Time every contest in every round; who begins changes from round to round."""
    timings = [Timing(ours=[], theirs=[]) for _ in contests]
    for number in range(_WARM_UP + _ROUNDS):
        for contest, timing in zip(contests, timings, strict=True):
            sides = [(contest.ours, timing.ours)]
            if contest.theirs is not None:
                sides.insert(number % 2, (contest.theirs, timing.theirs))
            for call, times in sides:
                seconds = _seconds(call)
                if number >= _WARM_UP:
                    times.append(seconds)
    return timings


def _seconds(call: Call) -> float:
    begun = time.process_time()
    for _ in range(_CALLS):
        call()
    return (time.process_time() - begun) / _CALLS


def _keyed() -> Iterator[Contest]:
    authority = Authority(name="release", keys=(parse_public_key((LAYOUTS / "keys" / "a.pub").read_bytes()),))
    groups = group_authorities([authority], {})
    message = (LAYOUTS / "blob" / "key.sigstore.json").read_bytes()
    envelope = image_signature("key-bundle")
    for name, bundle, subject in (
        ("keyed, v0.3 message", message, Digest.of((LAYOUTS / "blob" / "blob.txt").read_bytes())),
        ("keyed, v0.3 DSSE", envelope, first_subject(envelope)),
    ):
        yield Contest(name=name, ours=_assay([bundle], subject, groups), most_milliseconds=_KEYED_MILLISECONDS)


def _real() -> Iterator[Contest]:
    own, public_good = ASSETS / "sigstore-python", ASSETS / "cosign" / "trusted_root_pgi.json"
    for name, path, root, most in (
        ("Rekor v1, message", own / "bundle_v3_github.whl.sigstore", embedded_root("sigstore"), 0.8),
        (
            "Rekor v1, DSSE",
            ASSETS / "cosign" / "oci-attestation.sigstore.json",
            json.loads(public_good.read_bytes()),
            0.8,
        ),
        ("Rekor v2 + TSA", own / "staging-rekor-v2.txt.sigstore.json", embedded_root("sigstage"), 0.6),
    ):
        bundle = path.read_bytes()
        message = "messageSignature" in json.loads(bundle)
        artefact = path.with_name(path.name.partition(".sigstore")[0])
        subject = Digest.of(artefact.read_bytes()) if message else first_subject(bundle)
        holder = signer(bundle)
        document = json.dumps(root).encode()
        yield Contest(
            name=f"keyless, {name}",
            ours=_assay([bundle], subject, _group(exactly(holder, ROOT), document)),
            theirs=_sigstore([bundle], subject if message else None, holder, document),
            most_ratio=most,
        )


def _minted() -> Iterator[Contest]:
    holder = SignerIdentity(issuer=ISSUER, san=WORKFLOW, san_type="uri")
    document = WORLD.trusted_root()
    for name, recipe, message in (
        ("Rekor v1, message", Recipe(content="message", body="hashedrekord 0.0.1"), True),
        ("Rekor v1, DSSE", Recipe(), False),
        ("Rekor v2 + TSA", Recipe(body="hashedrekord 0.0.2", stamped=True), False),
    ):
        bundles = [WORLD.mint(recipe).content for _ in range(_MINTED)]
        yield Contest(
            name=f"first seen, {name}",
            ours=_assay(bundles, IMAGE, _group(ACME, document)),
            theirs=_sigstore(bundles, IMAGE if message else None, holder, document),
        )


def image_signature(layout: str) -> bytes:
    """The first bundle with an envelope in an image layout."""
    for blob in sorted((LAYOUTS / layout / "blobs" / "sha256").iterdir()):
        if b'"dsseEnvelope"' in (octets := blob.read_bytes()):
            return octets
    raise RuntimeError(f"the figures are void: the layout {layout} has no bundle")


def _group(authority: Authority, root: bytes) -> Groups:
    document = parse_trusted_root(root, limits=Limits())
    trusted = build_trust_root(document, TrustProfile.of_services(log=True, ct_log=True), ROOT)
    return group_authorities([authority], {ROOT: trusted})


def _assay(bundles: Sequence[bytes], subject: Digest, groups: Groups) -> Call:
    """Verify the next of the bundles, endlessly."""
    turns, artefact = cycle(bundles), Message.of_digest(subject)

    def call() -> None:
        item = EvidenceItem(shape=EvidenceShape.BUNDLE, content=next(turns))
        outcome = verify_item_for(groups, item, artefact=artefact, limits=Limits())
        why = outcome.detail if isinstance(outcome, Rejection) else ""
        if why:
            raise RuntimeError(f"the figures are void: {why}")

    return call


def _sigstore(bundles: Sequence[bytes], artefact: Digest | None, holder: SignerIdentity, root: bytes) -> Call:
    """Verify the next of the bundles, endlessly; `artefact` is None for envelopes."""
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "trusted_root.json"
        path.write_bytes(root)
        verifier = Verifier(trusted_root=TrustedRoot.from_file(str(path)))
    policy = Identity(identity=holder.san, issuer=holder.issuer)
    turns = cycle(bundles)

    def call() -> None:
        bundle = Bundle.from_json(next(turns))
        if artefact is None:
            verifier.verify_dsse(bundle, policy)
        else:
            hashed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=artefact.octets)
            verifier.verify_artifact(hashed, bundle, policy)

    return call
