"""Claims as JSON objects."""

from datetime import datetime
from typing import assert_never

from assay.domain.evidence import AttestationClaim, Claim, SignatureClaim, VerifiedEntry
from assay.domain.signer import KeySigner, Signer, SignerIdentity


def render_claim(claim: Claim) -> dict[str, object]:
    """The JSON object of a claim: what was proven, by whom, when and under which log entries; times in RFC 3339."""
    match claim:
        case SignatureClaim():
            kind = {"type": "signature", "annotations": dict(claim.annotations)}
        case AttestationClaim():
            kind = {"type": "attestation", "predicate_type": claim.predicate_type}
        case _:
            assert_never(claim)
    return {
        **kind,
        "item": claim.item.text,
        "bound_to": claim.bound_to.text,
        "format": claim.format,
        "signer": _render_signer(claim.signer),
        "authorities": list(claim.authorities),
        "times": [{"time": time.isoformat(), "source": source} for time, source in claim_times(claim)],
        "log_entries": [_render_entry(entry) for entry in claim.log_entries],
    }


def claim_times(claim: Claim) -> list[tuple[datetime, str]]:
    """The verified times of a claim, each with its source: `log` where a log entry promised it, else `timestamp`."""
    promised = {entry.time for entry in claim.log_entries}
    return [(time, "log" if time in promised else "timestamp") for time in claim.times]


def _render_signer(signer: Signer) -> dict[str, object]:
    match signer:
        case KeySigner():
            return {"key_id": signer.key_id.text}
        case SignerIdentity():
            return {
                "issuer": signer.issuer,
                "san": signer.san,
                "san_type": signer.san_type,
                "extensions": dict(sorted(signer.extensions.items())),
            }
        case _:
            assert_never(signer)


def _render_entry(entry: VerifiedEntry) -> dict[str, object]:
    return {
        "log": entry.log,
        "origin": entry.origin,
        "kind": entry.kind,
        "index": entry.index,
        "leaf": entry.leaf,
        "time": entry.time.isoformat() if entry.time is not None else None,
    }
