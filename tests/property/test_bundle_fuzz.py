"""Mutated evidence of every shape: a claim that means the same, or the typed rejection; every code occurs.

ASSAY_FUZZ_BUNDLES says how many mutants (5,000 when unset), ASSAY_FUZZ_SEED which ones.
"""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from sigstore.errors import Error
from sigstore.models import Bundle, InvalidBundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from assay.domain.evidence import EvidenceItem, EvidenceShape, Rejection
from assay.domain.reason import REJECTION_CODES
from tests.fakes.certificate import ISSUER, NOW, WORKFLOW
from tests.fakes.judge import WORLD, judge
from tests.fakes.mutation import Mutant, Mutator
from tests.fakes.sigstore import IMAGE, MANIFEST, Recipe

COUNT = int(os.environ.get("ASSAY_FUZZ_BUNDLES", "5000"))
SEED = int(os.environ.get("ASSAY_FUZZ_SEED", "1"))
UNREADABLE = {"bundle_malformed", "bundle_unsupported", "evidence_limit"}
NOT_OF_EVIDENCE = {"digest_mismatch", "manifest_malformed", "unsigned", "trust_root_unavailable", "key_unavailable"}
"""Codes of rejections that no content of evidence brings about: the registry's, and those of unavailable trust."""
JUDGE = judge()


def opinion(mutant: Mutant, verifier: Verifier) -> str:
    """What sigstore-python says: empty when it accepts, or does not know the shape."""
    known = mutant.recipe.keyless and mutant.recipe.shape in {"0.2", "0.3"} and "intoto" not in mutant.recipe.body
    if not known or mutant.recipe.body.startswith("rekord"):
        return ""
    try:
        bundle = Bundle.from_json(mutant.item.content)
        if "dsseEnvelope" in json.loads(mutant.item.content):
            verifier.verify_dsse(bundle, Identity(identity=WORKFLOW, issuer=ISSUER))
        else:
            verifier.verify_artifact(MANIFEST, bundle, Identity(identity=WORKFLOW, issuer=ISSUER))
    except InvalidBundle:
        return ""  # stricter than the format: omitted defaults, several entries
    except Error as error:
        return str(error)
    return ""


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Verifier:
    file = tmp_path_factory.mktemp("trust") / "trusted_root.json"
    file.write_bytes(WORLD.trusted_root())
    return Verifier(trusted_root=TrustedRoot.from_file(str(Path(file))))


def check_claim(mutant: Mutant, verifier: Verifier) -> None:
    """What is accepted is of the right signer, image and time, and nobody else refuses it."""
    claim = JUDGE.outcome(mutant.item)
    assert not isinstance(claim, Rejection)
    assert claim.authorities == (("acme",) if mutant.recipe.keyless else ("release",)), mutant
    assert claim.bound_to == IMAGE, mutant
    assert claim.times, mutant
    assert abs((claim.times[0] - NOW).total_seconds()) <= 600 or not mutant.recipe.keyless, mutant
    assert not opinion(mutant, verifier), (mutant, opinion(mutant, verifier))


def test_no_mutant_is_accepted_for_somebody_or_something_else(verifier: Verifier) -> None:
    mutator, codes = Mutator(seed=SEED, world=WORLD), Counter[str]()
    for _ in range(COUNT):
        mutant = mutator.next()
        outcome = JUDGE.outcome(mutant.item)
        code = outcome.code if isinstance(outcome, Rejection) else "accepted"
        codes[code] += 1
        if code == "accepted":
            check_claim(mutant, verifier)
    print("\n".join(f"{count:8} {code}" for code, count in codes.most_common()))  # noqa: T201
    assert set(codes) <= {"accepted", *REJECTION_CODES} - {"internal"}
    assert set(codes) >= {*REJECTION_CODES} - NOT_OF_EVIDENCE - {"internal"} or COUNT < 5000
    assert sum(codes[code] for code in UNREADABLE) <= COUNT / 2


def test_removing_evidence_never_makes_it_hold() -> None:
    for recipe in (Recipe(stamped=True), Recipe(body="hashedrekord 0.0.2", stamped=True)):
        document = json.loads(WORLD.mint(recipe, manifest=b"foreign").content)
        material = document["verificationMaterial"]
        for name in list(material):
            removed = {**document, "verificationMaterial": {k: v for k, v in material.items() if k != name}}
            item = EvidenceItem(shape=EvidenceShape.BUNDLE, content=json.dumps(removed).encode())
            assert isinstance(JUDGE.outcome(item), Rejection), name
