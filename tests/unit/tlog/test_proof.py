import pytest

from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.tlog.checkpoint import Checkpoint, sign_checkpoint
from assay.tlog.merkle import EMPTY_FRONTIER, grow, hash_path, inclusion_path, leaf_hash
from assay.tlog.note import SigningKey
from assay.tlog.proof import InclusionProof, VerifiedLeaf, parse_proof, render_proof, verify_proof

KEY = SigningKey(name="example.org/log", seed=b"s" * 32)
VERIFIER_KEY = str(KEY.verifier_key)
LEAVES = [f"leaf {number}".encode() for number in range(5)]


def _prove(index: int, *, key: SigningKey = KEY, extra: bytes = b"") -> InclusionProof:
    frontier, nodes = grow(EMPTY_FRONTIER, map(leaf_hash, LEAVES))
    checkpoint = sign_checkpoint(Checkpoint(origin=key.name, size=frontier.size, root=frontier.root), key)
    hashes = hash_path(inclusion_path(index, frontier.size), nodes.__getitem__)
    return InclusionProof(index=index, hashes=hashes, checkpoint=checkpoint, extra=extra)


PROOF = render_proof(_prove(3))


def test_a_proof_verifies_offline_with_nothing_but_the_key() -> None:
    assert verify_proof(PROOF, LEAVES[3], VERIFIER_KEY) == VerifiedLeaf(index=3, size=5, origin="example.org/log")


def test_the_text_has_the_form_of_the_specification() -> None:
    lines = PROOF.split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 3"]
    assert lines[5:8] == ["", "example.org/log", "5"]


def test_extra_text_is_kept_and_not_believed() -> None:
    proof = _prove(3, extra=b"whatever")
    assert parse_proof(render_proof(proof)) == proof
    verify_proof(render_proof(proof), LEAVES[3], VERIFIER_KEY)


@pytest.mark.parametrize(
    ("proof", "leaf", "key", "code"),
    [
        (PROOF, LEAVES[2], VERIFIER_KEY, "proof_invalid"),
        (PROOF.replace("index 3", "index 2"), LEAVES[3], VERIFIER_KEY, "proof_invalid"),
        (PROOF.replace("index 3", "index 7"), LEAVES[3], VERIFIER_KEY, "proof_invalid"),
        (PROOF.replace("\n5\n", "\n6\n"), LEAVES[3], VERIFIER_KEY, "checkpoint_signature_invalid"),
        (
            render_proof(_prove(3, key=SigningKey(name="example.org/log", seed=b"o" * 32))),
            LEAVES[3],
            VERIFIER_KEY,
            "checkpoint_signature_invalid",
        ),
    ],
)
def test_a_proof_of_something_else_is_refused(proof: str, leaf: bytes, key: str, code: str) -> None:
    with pytest.raises(EvidenceRejected) as caught:
        verify_proof(proof, leaf, key)
    assert caught.value.code == code
    verify_proof(PROOF, LEAVES[3], VERIFIER_KEY)


def test_a_key_that_cannot_be_read_is_the_callers_fault() -> None:
    with pytest.raises(InvalidInput) as caught:
        verify_proof(PROOF, LEAVES[3], "no key")
    assert caught.value.code == "verifier_key_malformed"


@pytest.mark.parametrize(
    "text",
    [
        "",
        PROOF.replace("@v1", "@v2"),
        PROOF.replace("index 3", "index 03"),
        PROOF.replace("index 3\n", ""),
        PROOF.replace("index 3", "extra \nindex 3"),
        PROOF.replace("index 3", "extra *\nindex 3"),
        PROOF.replace("index 3", "index 3\nAAAA"),
        PROOF.replace("index 3", "index 3\n" + PROOF.split("\n")[2] + "\n" * 0 + ("\n" + PROOF.split("\n")[2]) * 63),
        "c2sp.org/tlog-proof@v1\n\n",
        PROOF.partition("\n\n")[0],
        PROOF + "x" * 1_100_000,
    ],
)
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(EvidenceRejected) as caught:
        parse_proof(text)
    assert caught.value.code == "proof_malformed"
    parse_proof(PROOF)
