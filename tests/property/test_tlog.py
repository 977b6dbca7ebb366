"""Properties of the transparency log: proofs at every size, parsers that raise nothing but their typed errors."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.tlog.checkpoint import Checkpoint, parse_untrusted_checkpoint, sign_checkpoint, verify_checkpoint
from assay.tlog.leaf import parse_leaf, render_parsed_leaf
from assay.tlog.leaf_form import LeafReader
from assay.tlog.merkle import (
    EMPTY_FRONTIER,
    consistency_path,
    grow,
    hash_path,
    inclusion_path,
    leaf_hash,
)
from assay.tlog.note import SigningKey, VerifierKey
from assay.tlog.path import verify_consistency, verify_inclusion
from assay.tlog.proof import InclusionProof, parse_proof, render_proof
from assay.tlog.report import parse_report, render_report
from tests.fakes.decision import denied
from tests.fakes.leaf import leaf_for

KEY = SigningKey(name="example.org/log", seed=b"s" * 32)
HASHES = [leaf_hash(bytes([number])) for number in range(64)]
NODES = grow(EMPTY_FRONTIER, HASHES)[1]
ROOTS = [grow(EMPTY_FRONTIER, HASHES[:size])[0].root for size in range(65)]


@pytest.mark.parametrize("size", range(1, 65))
def test_the_proofs_of_all_leaves_verify(size: int) -> None:
    for index in range(size):
        proof = hash_path(inclusion_path(index, size), NODES.__getitem__)
        verify_inclusion(leaf=HASHES[index], index=index, size=size, proof=proof, root=ROOTS[size])


@pytest.mark.parametrize("size", range(1, 65))
def test_every_earlier_tree_is_provably_the_beginning(size: int) -> None:
    for old in range(1, size + 1):
        proof = hash_path(consistency_path(old, size), NODES.__getitem__)
        verify_consistency(old=old, new=size, proof=proof, old_root=ROOTS[old], new_root=ROOTS[size])


@given(size=st.integers(2, 64), data=st.data())
def test_a_proof_holds_for_its_own_leaf_and_place_only(size: int, data: st.DataObject) -> None:
    index, other = data.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True))
    proof = hash_path(inclusion_path(index, size), NODES.__getitem__)
    for leaf, place in ((HASHES[other], index), (HASHES[index], other)):
        with pytest.raises(EvidenceRejected):
            verify_inclusion(leaf=leaf, index=place, size=size, proof=proof, root=ROOTS[size])


@given(size=st.integers(2, 64), data=st.data())
def test_a_flipped_bit_in_a_proof_is_found(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = list(hash_path(inclusion_path(index, size), NODES.__getitem__))
    step = data.draw(st.integers(0, len(proof) - 1))
    bit = data.draw(st.integers(0, 255))
    proof[step] = (int.from_bytes(proof[step]) ^ 1 << bit).to_bytes(32)
    with pytest.raises(EvidenceRejected):
        verify_inclusion(leaf=HASHES[index], index=index, size=size, proof=proof, root=ROOTS[size])


@given(size=st.integers(0, 10**18 - 1), root=st.binary(min_size=32, max_size=32))
def test_checkpoints_survive_signing(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin=KEY.name, size=size, root=root)
    assert verify_checkpoint(sign_checkpoint(checkpoint, KEY), KEY.verifier_key) == checkpoint


@given(
    index=st.integers(0, 10**18 - 1),
    hashes=st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    checkpoint=st.text(),
    extra=st.binary(),
)
def test_proofs_survive_their_text(index: int, hashes: list[bytes], checkpoint: str, extra: bytes) -> None:
    proof = InclusionProof(index=index, hashes=tuple(hashes), checkpoint=checkpoint, extra=extra)
    assert parse_proof(render_proof(proof)) == proof


LEAF = leaf_for(denied())
PARSERS: list[tuple[Callable[[str], object], str]] = [
    (parse_proof, "c2sp.org/tlog-proof@v1\nindex 0\n\ncheckpoint"),
    (
        parse_untrusted_checkpoint,
        sign_checkpoint(Checkpoint(origin="a", size=0, root=bytes(32)), SigningKey(name="a", seed=bytes(32))),
    ),
    (VerifierKey.parse, str(KEY.verifier_key)),
    (SigningKey.parse, KEY.render_secret()),
    (lambda text: parse_leaf(text.encode(errors="surrogatepass")), LEAF.decode()),
    (lambda text: parse_report(text.encode(errors="surrogatepass")), render_report(denied()).decode()),
]


@given(chosen=st.sampled_from(PARSERS), data=st.data())
def test_a_parser_raises_nothing_but_its_typed_error(
    chosen: tuple[Callable[[str], object], str], data: st.DataObject
) -> None:
    parse, valid = chosen
    parse(valid)
    start = data.draw(st.integers(0, len(valid)))
    text = valid[:start] + data.draw(st.text(max_size=8)) + valid[data.draw(st.integers(start, len(valid))) :]
    with suppress(InvalidInput, EvidenceRejected):
        parse(text)


@given(position=st.integers(0, len(LEAF) - 1), value=st.integers(0, 255))
def test_a_leaf_that_is_accepted_has_exactly_its_bytes(position: int, value: int) -> None:
    octets = LEAF[:position] + bytes([value]) + LEAF[position + 1 :]
    with suppress(InvalidInput):
        assert render_parsed_leaf(parse_leaf(octets)) == octets


@given(start=st.integers(0, len(LEAF)), length=st.integers(0, 40), put=st.binary(max_size=12))
def test_a_leaf_means_the_same_to_who_has_read_one_like_it(start: int, length: int, put: bytes) -> None:
    reader, changed = LeafReader(), LEAF[:start] + put + LEAF[start + length :]
    reader.read(LEAF)
    try:
        expected: object = parse_leaf(changed)
    except InvalidInput as error:
        expected = error.code
    try:
        found: object = reader.read(changed)
    except InvalidInput as error:
        found = error.code
    assert found == expected
