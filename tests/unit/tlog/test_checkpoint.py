import base64
import json
from pathlib import Path

import pytest

from assay.domain.errors import EvidenceRejected
from assay.tlog.checkpoint import (
    Checkpoint,
    parse_untrusted_checkpoint,
    render_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
)
from assay.tlog.note import SigningKey, VerifierKey

ASSETS = Path("tests/assets/tlog")
KEY = SigningKey(name="example.org/log", seed=b"s" * 32)
CHECKPOINT = Checkpoint(origin="example.org/log", size=3, root=b"r" * 32)


@pytest.mark.parametrize("size", range(16))
def test_every_checkpoint_of_a_real_log_verifies(size: int) -> None:
    key = VerifierKey.parse((ASSETS / "tessera/log.vkey").read_text("utf-8"))
    expected = json.loads((ASSETS / "tessera/expected.json").read_text("utf-8"))
    checkpoint = verify_checkpoint((ASSETS / f"tessera/checkpoint.{size}").read_text("utf-8"), key)
    assert (checkpoint.origin, checkpoint.size) == (expected["origin"], size)
    assert checkpoint.root == base64.b64decode(expected["checkpoints"][size]["root"])


@pytest.mark.parametrize("name", ["checkpoint.example.txt", "cosigned-checkpoint.example.txt"])
def test_the_examples_of_the_specification_are_read(name: str) -> None:
    checkpoint = parse_untrusted_checkpoint((ASSETS / "c2sp" / name).read_text("utf-8"))
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)


def test_a_signed_checkpoint_comes_back() -> None:
    assert verify_checkpoint(sign_checkpoint(CHECKPOINT, KEY), KEY.verifier_key) == CHECKPOINT


def test_a_key_signs_for_its_own_log_only() -> None:
    with pytest.raises(ValueError, match="does not sign"):
        sign_checkpoint(Checkpoint(origin="example.org/other", size=0, root=b"r" * 32), KEY)


def test_a_checkpoint_of_another_log_signed_by_the_key_is_refused() -> None:
    note = KEY.sign(render_checkpoint(Checkpoint(origin="example.org/other", size=0, root=b"r" * 32)))
    with pytest.raises(EvidenceRejected) as caught:
        verify_checkpoint(note, KEY.verifier_key)
    assert caught.value.code == "checkpoint_malformed"


@pytest.mark.parametrize(
    "text",
    [
        "example.org/log\n3\n",
        render_checkpoint(CHECKPOINT) + "extension\n",
        render_checkpoint(CHECKPOINT).replace("\n3\n", "\n03\n"),
        render_checkpoint(CHECKPOINT).replace("\n3\n", "\n-3\n"),
        render_checkpoint(CHECKPOINT).replace("\n3\n", "\n1000000000000000000\n"),
        render_checkpoint(CHECKPOINT).replace("cnJy", "cnJ*"),
        "example.org/log\n3\ncnJy\n",
        render_checkpoint(CHECKPOINT).replace("example.org/log", ""),
    ],
)
def test_what_is_no_checkpoint_is_refused_even_when_it_is_signed(text: str) -> None:
    with pytest.raises(EvidenceRejected) as caught:
        verify_checkpoint(KEY.sign(text), KEY.verifier_key)
    assert caught.value.code == "checkpoint_malformed"
    verify_checkpoint(KEY.sign(render_checkpoint(CHECKPOINT)), KEY.verifier_key)
