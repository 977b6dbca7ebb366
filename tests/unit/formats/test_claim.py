from datetime import UTC, datetime, timedelta

from assay.domain.digest import Digest
from assay.domain.evidence import AttestationClaim, SignatureClaim, VerifiedEntry
from assay.domain.signer import KeySigner, SignerIdentity
from assay.formats.claim import render_claim

ITEM = Digest.of(b"item")
TIME = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_an_image_signature_by_a_key_is_rendered() -> None:
    key = Digest.of(b"key")
    claim = SignatureClaim(
        item=ITEM,
        bound_to=ITEM,
        format="cosign",
        signer=KeySigner(key_id=key),
        authorities=("release",),
        annotations=(("env", "prod"),),
    )
    assert render_claim(claim) == {
        "type": "signature",
        "annotations": {"env": "prod"},
        "item": ITEM.text,
        "bound_to": ITEM.text,
        "format": "cosign",
        "signer": {"key_id": key.text},
        "authorities": ["release"],
        "times": [],
        "log_entries": [],
    }


def test_an_attestation_by_an_identity_is_rendered_with_times_and_log_entries() -> None:
    claim = AttestationClaim(
        item=ITEM,
        bound_to=ITEM,
        predicate_type="https://slsa.dev/provenance/v1",
        subjects=(ITEM,),
        format="bundle",
        signer=SignerIdentity(issuer="i", san="s", san_type="uri", extensions={"b": "2", "a": "1"}),
        authorities=("ci",),
        predicate={},
        times=(TIME, TIME + timedelta(seconds=1)),
        log_entries=(
            VerifiedEntry(log="00", origin="log", kind="dsse 0.0.1", index=7, leaf=None, time=TIME),
            VerifiedEntry(log="01", origin="tiles", kind="", index=None, leaf=3, time=None),
        ),
    )
    rendered = render_claim(claim)
    assert rendered["signer"] == {"issuer": "i", "san": "s", "san_type": "uri", "extensions": {"a": "1", "b": "2"}}
    assert rendered["times"] == [
        {"time": "2026-03-01T12:00:00+00:00", "source": "log"},
        {"time": "2026-03-01T12:00:01+00:00", "source": "timestamp"},
    ]
    assert rendered["log_entries"] == [
        {
            "log": "00",
            "origin": "log",
            "kind": "dsse 0.0.1",
            "index": 7,
            "leaf": None,
            "time": "2026-03-01T12:00:00+00:00",
        },
        {"log": "01", "origin": "tiles", "kind": "", "index": None, "leaf": 3, "time": None},
    ]
