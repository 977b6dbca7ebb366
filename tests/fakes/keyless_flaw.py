"""Keyless evidence with one flaw, and the trust that refuses it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from cryptography.x509 import UniformResourceIdentifier

from assay.domain.evidence import EvidenceItem
from assay.domain.identity import Authority
from assay.verification.identity import IdentityPattern
from assay.verification.text_pattern import TextPattern
from assay.verification.trust_root import TrustRoot
from assay_misuse.cases.policy import SPLIT
from assay_misuse.policy import KEYLESS
from tests.fakes.certificate import ISSUER, NOW, WORKFLOW, YEAR, FakeCertificateAuthority, Leaf
from tests.fakes.judge import ROOT, WORLD, trust
from tests.fakes.sigstore import FakeSigstore, Recipe
from tests.fakes.timestamping import FakeTimestampAuthority
from tests.fakes.transparency import FakeLog, Json
from tests.fakes.trusted_root import ALWAYS, render_authority, render_log

AUTHORITY = Authority(
    name=KEYLESS,
    identities=(
        IdentityPattern(
            issuer=TextPattern(exact=ISSUER),
            # Both have to hold: the one names the workflow, the other the organisation to its end.
            san=TextPattern(exact=WORKFLOW, glob="https://github.test/acme/**"),
        ),
    ),
    root=ROOT,
)
_STAMPED = Recipe(stamped=True)
_TILED = Recipe(body="hashedrekord 0.0.2")
_CLOSED_LOG = FakeLog(name="closed.test")
_EXPIRED = FakeTimestampAuthority(name="expired", leaf_window=(NOW - 3 * YEAR, NOW - YEAR))


def keyless_root() -> TrustRoot:
    """The trust root: with a log whose window is over and a timestamp authority whose certificate is."""

    def edit(document: Json) -> None:
        document["tlogs"].append(render_log(_CLOSED_LOG, (NOW - 5 * YEAR, NOW - YEAR)))
        document["timestampAuthorities"].append(render_authority(_EXPIRED.chain, "https://expired.test", ALWAYS))

    return trust(edit=edit)


def _issued_to(*, san: str = WORKFLOW, issuer: str | None = ISSUER) -> FakeSigstore:
    claims = {1: issuer, 8: issuer} if issuer is not None else {}
    return replace(WORLD, leaf=Leaf(san=(UniformResourceIdentifier(san),), claims=claims))


_WORLDS: Mapping[str, FakeSigstore] = {
    "another issuer": _issued_to(issuer="https://issuer.evil.test"),
    "another identity": _issued_to(san=WORKFLOW.replace("release.yml", "test.yml")),
    "a longer organisation": _issued_to(san=WORKFLOW.replace("/acme/", "/acme-evil/")),
    "a longer host": _issued_to(san=WORKFLOW.replace("github.test", "github.test.evil.test")),
    "no issuer": _issued_to(issuer=None),
    "a certificate of another authority": replace(WORLD, authority=FakeCertificateAuthority(name="another")),
    "a timestamp of an expired authority": replace(WORLD, tsa=_EXPIRED),
    "an entry of a log outside of its window": replace(WORLD, log=_CLOSED_LOG),
}


def _mint(manifest: bytes, **parts: object) -> EvidenceItem:
    return WORLD.mint(_STAMPED, manifest=manifest, **parts)  # type: ignore[arg-type]  # by name, as `mint` has them


def _with_entry(manifest: bytes, logged: bytes) -> EvidenceItem:
    """A signature beside the entry of another one: over `logged`, under the same certificate."""
    own = WORLD.sign(_STAMPED, manifest=manifest)
    other = WORLD.sign(_STAMPED, manifest=logged, certificate=own.certificate)
    entry = other.enter(WORLD.log, _STAMPED.body)
    return own.item(_STAMPED.shape, entries=[entry], tokens=[WORLD.tsa.stamp(own.stamped_octets(_STAMPED.shape))])


def _swap_proof(entry: Json) -> None:
    other = WORLD.sign(_STAMPED, manifest=b"another").enter(WORLD.log, _STAMPED.body)
    entry["inclusionProof"] = other["inclusionProof"]


_MINTS: Mapping[str, Callable[[bytes], EvidenceItem]] = {
    "": _mint,
    "an entry about another image": partial(_with_entry, logged=b"another"),
    "an entry of another key": lambda manifest: _with_entry(manifest, manifest),
    "a promise of another entry": partial(_mint, enter={"promised": lambda payload: payload.update(logIndex=9)}),
    "an inclusion proof of another entry": partial(_mint, enter={"entry": _swap_proof}),
    "a tiled entry without a timestamp": lambda manifest: WORLD.mint(_TILED, manifest=manifest),
    "a timestamp outside of the authority's validity": partial(_mint, stamp={"at": NOW - 4 * YEAR}),
    "no entry": lambda manifest: WORLD.mint(replace(_STAMPED, body=""), manifest=manifest),
}


def mint_keyless(manifest: bytes, flaw: str) -> tuple[EvidenceItem, ...]:
    """The signatures of an image with this flaw; the empty text is none."""
    if flaw == SPLIT:
        return tuple(_WORLDS[name].mint(_STAMPED, manifest=manifest) for name in ("another issuer", "another identity"))
    if flaw in _WORLDS:
        return (_WORLDS[flaw].mint(_STAMPED, manifest=manifest),)
    return (_MINTS[flaw](manifest),)
