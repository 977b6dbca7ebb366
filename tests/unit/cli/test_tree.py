"""Trees: drawn for the terminal at hand, and harmless whatever an attacker wrote."""

from datetime import UTC, datetime

import pytest

from assay.cli.claim import claim_branch, gap_branch, rejection_branch
from assay.cli.render import safe_text
from assay.cli.tree import Branch, draw
from assay.domain.digest import Digest
from assay.domain.evidence import AttestationClaim, Gap, GapKind, Rejection, SignatureClaim, VerifiedEntry
from assay.domain.reason import GapReason
from assay.domain.signer import SignerIdentity

TREE = Branch(
    text="image",
    below=(Branch(text="first", below=(Branch(text="of the first"),)), Branch(text="last", below=(Branch(text="ü"),))),
)
ITEM, IMAGE = Digest.of(b"item"), Digest.of(b"image")
TIME = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-8", "utf8"])
def test_a_terminal_of_utf_8_gets_lines(encoding: str) -> None:
    assert draw(TREE, encoding) == "image\n├─ first\n│  └─ of the first\n└─ last\n   └─ ü"


@pytest.mark.parametrize("encoding", ["ascii", "ANSI_X3.4-1968", "latin-1", None])
def test_any_other_stream_gets_ascii(encoding: str | None) -> None:
    assert draw(TREE, encoding) == "image\n|- first\n|  `- of the first\n`- last\n   `- \\xfc"


@pytest.mark.parametrize(
    ("evil", "written"),
    [
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\nVERIFIED", "a\\nVERIFIED"),
        ("\rVERIFIED", "\\rVERIFIED"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\u2028next", "\\u2028next"),
        ("\x9b31m", "\\x9b31m"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("plain ünïcode", "plain ünïcode"),
    ],
)
def test_what_could_deceive_a_reader_is_written_out(evil: str, written: str) -> None:
    assert safe_text(evil) == written
    assert draw(Branch(text=evil, below=(Branch(text=evil),)), "utf-8") == f"{written}\n└─ {written}"


def texts(branch: Branch) -> list[str]:
    return [branch.text, *(text for below in branch.below for text in texts(below))]


def test_a_signature_tells_signer_times_logs_annotations_and_binding() -> None:
    claim = SignatureClaim(
        item=ITEM,
        bound_to=IMAGE,
        format="bundle",
        signer=SignerIdentity(issuer="https://issuer.test", san="dev@assay.test", san_type="email"),
        authorities=("ci", "release"),
        annotations=(("env", "prod"),),
        times=(TIME,),
        log_entries=(VerifiedEntry(log="00", origin="log.test", kind="dsse 0.0.1", index=7, leaf=3, time=TIME),),
    )
    assert texts(claim_branch(claim)) == [
        "proven: image signature by ci, release",
        "signer: dev@assay.test, issuer https://issuer.test (bundle)",
        "at 2026-03-01T12:00:00+00:00 by log",
        "in the log log.test, entry 7, leaf 3 of its tree (dsse 0.0.1)",
        "annotation env = prod",
        f"bound to {IMAGE}",
    ]
    assert texts(claim_branch(claim, in_index=True))[-1] == f"bound to {IMAGE}, and to everything that it lists"


def test_an_attestation_tells_its_type_and_an_index_only_where_it_is_authenticated() -> None:
    claim = AttestationClaim(
        item=ITEM,
        bound_to=IMAGE,
        predicate_type="https://spdx.dev/Document",
        subjects=(IMAGE,),
        format="cosign",
        signer=SignerIdentity(issuer="", san="https://ci.test", san_type="uri"),
        authorities=("ci",),
        predicate={},
        times=(TIME,),
        log_entries=(VerifiedEntry(log="00", origin="tiles", kind="", index=None, leaf=3, time=None),),
    )
    assert texts(claim_branch(claim)) == [
        "proven: attestation https://spdx.dev/Document by ci",
        "signer: https://ci.test (cosign)",
        "at 2026-03-01T12:00:00+00:00 by timestamp",
        "in the log tiles, leaf 3 of its tree",
        f"bound to {IMAGE}",
    ]


def test_what_is_refused_or_missing_comes_with_a_remedy() -> None:
    refused = Rejection(id=ITEM, code="chain_invalid", detail="why")
    assert texts(rejection_branch(refused)) == [
        f"refused: {ITEM.hex[:12]} chain_invalid: why",
        "-> get the certificate from an authority of the trust root",
    ]
    missing = Gap(kind=GapKind.SBOM, reason=GapReason.NOT_FOUND, code="absent")
    assert texts(gap_branch(missing))[0] == "gap: sbom: absent"
