"""What the verifier says about minted evidence, in one word.

`verdict(item)` is `signature`, `attestation` or the code of the rejection. By default the evidence is judged under
the trust root of `WORLD`, by the authority `acme` (its workflow) and the authority `release` (its key).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from assay.domain.digest import Digest
from assay.domain.evidence import Claim, EvidenceItem, Rejection, SignatureClaim
from assay.domain.identity import Authority
from assay.domain.limit import Limits
from assay.domain.reason import REJECTION_CODES
from assay.formats.trusted_root import parse_trusted_root
from assay.verification.identity import IdentityPattern
from assay.verification.item import verify_item
from assay.verification.root_builder import build_trust_root
from assay.verification.text_pattern import TextPattern
from assay.verification.trust_root import TrustProfile, TrustRoot
from tests.fakes.certificate import ISSUER, WORKFLOW
from tests.fakes.sigstore import IMAGE, FakeSigstore
from tests.fakes.transparency import Edit, nothing
from tests.fakes.trusted_root import Span

ROOT = "own"
WORLD = FakeSigstore()
ACME = Authority(
    name="acme",
    identities=(IdentityPattern(issuer=TextPattern(exact=ISSUER), san=TextPattern(exact=WORKFLOW)),),
    root=ROOT,
)


def release(world: FakeSigstore, *, root: str = ROOT) -> Authority:
    """The authority that holds the world's key; without `root` the key is verified offline."""
    return Authority(name="release", keys=(world.public_key,), root=root)


def trust(
    world: FakeSigstore = WORLD,
    *,
    profile: TrustProfile | None = None,
    windows: Mapping[str, Span] | None = None,
    edit: Edit = nothing,
) -> TrustRoot:
    """The world's trust root, public good unless told otherwise; arguments as for `FakeSigstore.trusted_root`."""
    document = parse_trusted_root(world.trusted_root(windows=windows, edit=edit), limits=Limits())
    return build_trust_root(document, profile or TrustProfile.public_good(), ROOT)


@dataclass(frozen=True, kw_only=True)
class Judge:
    """A verifier with its trust and its authorities."""

    root: TrustRoot
    authorities: Sequence[Authority]
    subject: Digest = IMAGE
    limits: Limits = field(default_factory=Limits)

    def outcome(self, item: EvidenceItem) -> Claim | Rejection:
        return verify_item(
            item,
            subject=self.subject,
            authorities=self.authorities,
            roots={ROOT: self.root},
            limits=self.limits,
        )

    def verdict(self, item: EvidenceItem) -> str:
        outcome = self.outcome(item)
        if isinstance(outcome, Rejection):
            assert outcome.code in REJECTION_CODES
            assert outcome.detail
            return outcome.code
        return "signature" if isinstance(outcome, SignatureClaim) else "attestation"


def judge(
    world: FakeSigstore = WORLD,
    *,
    root: TrustRoot | None = None,
    authorities: Sequence[Authority] | None = None,
    subject: Digest = IMAGE,
    limits: Limits | None = None,
) -> Judge:
    """The judge of a world, with what is given exchanged."""
    return Judge(
        root=root or trust(world),
        authorities=(ACME, release(world)) if authorities is None else authorities,
        subject=subject,
        limits=limits or Limits(),
    )


@cache
def _default() -> Judge:
    return judge()


def verdict(item: EvidenceItem) -> str:
    """What the judge of `WORLD` says."""
    return _default().verdict(item)
