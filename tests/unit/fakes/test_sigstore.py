"""The fakes make what the real thing makes: sigstore-python accepts every shape that it knows."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sigstore.errors import VerificationError
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from tests.fakes.certificate import ISSUER, NOW, SECOND, WORKFLOW, Sct
from tests.fakes.sigstore import MANIFEST, RECIPES, FakeSigstore, Recipe

WORLD = FakeSigstore()
KNOWN = [
    recipe
    for recipe in RECIPES
    if recipe.keyless
    and recipe.shape in {"0.2", "0.3"}
    and recipe.body in {"hashedrekord 0.0.1", "hashedrekord 0.0.2", "dsse 0.0.1"}
]
POLICY = Identity(identity=WORKFLOW, issuer=ISSUER)


def verify(octets: bytes, root: bytes, folder: Path) -> None:
    file = folder / "trusted_root.json"
    file.write_bytes(root)
    verifier = Verifier(trusted_root=TrustedRoot.from_file(str(file)))
    bundle = Bundle.from_json(octets)
    if "dsseEnvelope" in json.loads(octets):
        verifier.verify_dsse(bundle, POLICY)
    else:
        verifier.verify_artifact(MANIFEST, bundle, POLICY)


@pytest.mark.parametrize("recipe", KNOWN, ids=str)
def test_sigstore_python_accepts_every_shape_that_it_knows(recipe: Recipe, tmp_path: Path) -> None:
    verify(WORLD.mint(recipe).content, WORLD.trusted_root(), tmp_path)


def test_sigstore_python_refuses_a_timestamp_outside_of_its_window(tmp_path: Path) -> None:
    octets = WORLD.mint(Recipe(body="hashedrekord 0.0.2", stamped=True)).content
    verify(octets, WORLD.trusted_root(windows={"tsa": (NOW - SECOND, NOW + SECOND)}), tmp_path)
    with pytest.raises(VerificationError):
        verify(octets, WORLD.trusted_root(windows={"tsa": (NOW - 2 * SECOND, NOW - SECOND)}), tmp_path)


def test_sigstore_python_refuses_a_forged_sct_and_a_foreign_entry(tmp_path: Path) -> None:
    forged = replace(WORLD.leaf, scts=(Sct(log=WORLD.ct_log, issuer_spki=b"another"),))
    with pytest.raises(VerificationError):
        verify(replace(WORLD, leaf=forged).mint(Recipe()).content, WORLD.trusted_root(), tmp_path)
    with pytest.raises(VerificationError):
        verify(
            WORLD.mint(Recipe(), body=lambda body: body["spec"]["payloadHash"].update(value="0" * 64)).content,
            WORLD.trusted_root(),
            tmp_path,
        )
