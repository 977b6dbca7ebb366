"""Limits on what evidence may cost, with the defaults of every entry point."""

from dataclasses import dataclass

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Caps in bytes and counts; reaching one is a gap or a rejection with its own code, never truncation."""

    manifest_octets: int = 4 * _MIB
    blob_octets: int = 16 * _MIB
    evidence_octets: int = 64 * _MIB
    layers: int = 1000
    referrers: int = 1000
    referrer_pages: int = 20
    index_depth: int = 3
    index_entries: int = 128
    subjects: int = 10_000
    log_entries: int = 8
    timestamps: int = 32
    chain_certificates: int = 10
    proof_hashes: int = 63
    token_octets: int = 64 * 1024
    json_depth: int = 64
    json_structure: int = 5_000_000
    bundle_structure: int = 100_000
    packages: int = 20_000
    tags: int = 10_000
