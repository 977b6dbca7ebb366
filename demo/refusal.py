"""Scenes of refusal: one defect, its code, and the same image allowed once the defect is undone."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay.domain.gate import GateAnswer
from assay.domain.statement import IMAGE_SIGNATURE
from assay.ports import Signer
from demo.narration import Narrator, expect
from demo.variant import PROVENANCE, SPDX, Workbench

Undo = Callable[[], object]
Scene = Iterator[tuple[Digest, Undo]]


def codes_of(answer: GateAnswer) -> set[str]:
    """Every code that a denial carries."""
    blocking = [finding for finding in answer.findings if finding.blocks]
    return {code for finding in blocking for code in (finding.code, *finding.reasons)}


def show_refusals(
    bench: Workbench, release: Signer, other: Signer, storage: Callable[[Digest], Path], tell: Narrator
) -> None:
    """Play every scene."""
    scenes: list[tuple[str, str, Scene]] = [
        ("an unsigned image", "absent", unsigned(bench, release)),
        ("an image signed by another key", "signature_invalid", foreign_key(bench, release, other)),
        ("an SBOM with a denied licence", "licence.denied", denied_licence(bench, release)),
        ("other bytes served under the signed digest", "digest_mismatch", other_bytes(bench, storage)),
        ("the old signature on a changed image", "subject_mismatch", old_signature(bench, release)),
        ("an attestation of another image, moved here", "subject_mismatch", moved_attestation(bench, release)),
    ]
    for title, code, scene in scenes:
        digest, undo = next(scene)
        refused = bench.gate(digest)
        expect(refused.verdict is not Verdict.ALLOW, f"{title} was allowed")
        expect(code in codes_of(refused), f"{title} was refused for {codes_of(refused)}, not for {code}")
        undo()
        allowed = bench.gate(digest)
        expect(allowed.verdict is Verdict.ALLOW, f"{title}, undone, was refused for {codes_of(allowed)}")
        tell.proved(f"{refused.verdict.value:<13} {title}: {code}; undone: {allowed.verdict.value}")


def unsigned(bench: Workbench, release: Signer) -> Scene:
    """Everything but the signature."""
    image = bench.push_variant("unsigned")
    bench.attest_all(release, image)
    yield image.digest, lambda: bench.sign(release, image)


def foreign_key(bench: Workbench, release: Signer, other: Signer) -> Scene:
    """A signature that verifies, under a key nobody named."""
    image = bench.push_variant("another key")
    bench.attest_all(release, image)
    foreign = bench.sign(other, image)

    def undo() -> None:
        bench.detach(foreign)
        bench.sign(release, image)

    yield image.digest, undo


def denied_licence(bench: Workbench, release: Signer) -> Scene:
    """A signed SBOM that names a licence the tenant denies."""
    image = bench.push_variant("denied licence")
    bench.attest_all(release, image, but=SPDX)
    bench.sign(release, image)
    good = bench.predicate(SPDX)
    bad: dict[str, Any] = json.loads(json.dumps(good))
    bad["packages"][-1]["licenseConcluded"] = "GPL-3.0-only"
    bad["packages"][-1]["licenseDeclared"] = "GPL-3.0-only AND MIT"
    referrer = bench.attest(release, image, SPDX, bad)

    def undo() -> None:
        bench.detach(referrer)
        bench.attest(release, image, SPDX, good)

    yield image.digest, undo


def other_bytes(bench: Workbench, storage: Callable[[Digest], Path]) -> Scene:
    """The registry's storage was changed under the published digest."""
    with altered(storage(bench.base)) as restore:
        yield bench.base, restore


@contextmanager
def altered(path: Path) -> Iterator[Undo]:
    """A file with one byte more, until it is restored."""
    original = path.read_bytes()
    path.write_bytes(original + b"\n")
    try:
        yield lambda: path.write_bytes(original)
    finally:
        path.write_bytes(original)


def old_signature(bench: Workbench, release: Signer) -> Scene:
    """The published image's signature, attached to a changed image."""
    image = bench.push_variant("changed")
    bench.attest_all(release, image)
    _, signature = bench.bundles(bench.base)[IMAGE_SIGNATURE]
    bench.attach(image, signature, IMAGE_SIGNATURE)
    yield image.digest, lambda: bench.sign(release, image)


def moved_attestation(bench: Workbench, release: Signer) -> Scene:
    """The published image's provenance, attached to another image."""
    image = bench.push_variant("moved")
    bench.attest_all(release, image, but=PROVENANCE)
    bench.sign(release, image)
    _, provenance = bench.bundles(bench.base)[PROVENANCE]
    bench.attach(image, provenance, PROVENANCE)
    yield image.digest, lambda: bench.attest(release, image, PROVENANCE, bench.predicate(PROVENANCE))
