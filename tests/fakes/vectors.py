"""Bundles and trust roots that others wrote, as they lie in `tests/assets/signatures`."""

import base64
import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from assay.domain.digest import Digest
from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.domain.identity import Authority
from assay.domain.limit import Limits
from assay.domain.signer import SignerIdentity
from assay.formats.bundle import parse_bundle
from assay.formats.trusted_root import parse_trusted_root
from assay.verification.identity import IdentityPattern, SanType, read_identity
from assay.verification.message import Message
from assay.verification.root_builder import build_trust_root
from assay.verification.text_pattern import TextPattern
from assay.verification.trust_root import TrustProfile, TrustRoot

Json = dict[str, Any]
ASSETS = Path(__file__).parents[1] / "assets" / "signatures"
NOBODY = SignerIdentity(issuer="nobody", san="nobody@example", san_type="email")
UNKNOWN = Digest.of(b"unknown")


def rows() -> list[Json]:
    """The table of expected verdicts."""
    bundles: list[Json] = json.loads((ASSETS / "expected.json").read_bytes())["bundles"]
    return bundles


def embedded_root(instance: str) -> Json:
    """A trust root that the sigstore package brings: `sigstore` (production) or `sigstage` (staging)."""
    store = files("sigstore") / "_store" / f"https%3A%2F%2Ftuf-repo-cdn.{instance}.dev" / "trusted_root.json"
    document: Json = json.loads(store.read_bytes())
    return document


def _with_tsa(root: Json) -> Json:
    own = json.loads((ASSETS / "sigstore-python" / "tsa" / "ca.json").read_bytes())
    return root | {"timestampAuthorities": [*root.get("timestampAuthorities", []), own]}


def _mixed() -> Json:
    production = embedded_root("sigstore")
    foreign = {name: production[name] for name in ("certificateAuthorities", "ctlogs")}
    return _with_tsa(embedded_root("sigstage") | foreign)


_ROOTS: Mapping[str, Callable[[], Json]] = {
    "sigstore staging": lambda: embedded_root("sigstage"),
    "sigstore production": lambda: embedded_root("sigstore"),
    "sigstore staging + timestamp authority of tsa/ca.json": lambda: _with_tsa(embedded_root("sigstage")),
    "sigstore staging + tsa/ca.json": lambda: _with_tsa(embedded_root("sigstage")),
    "sigstore staging + certificate authority and CT log of production + tsa/ca.json": _mixed,
}


@cache
def trust(name: str) -> TrustRoot:
    """A trust root by its name in the table; it demands of everything that it has one."""
    document = _ROOTS[name]() if name in _ROOTS else json.loads((ASSETS / name).read_bytes())
    logs = 1 if document.get("tlogs") else 0
    profile = TrustProfile(log_entries=logs, scts=1 if document.get("ctlogs") else 0, timestamps=1 - logs)
    return build_trust_root(parse_trusted_root(json.dumps(document).encode(), limits=Limits()), profile, name)


def exactly(identity: SignerIdentity, root: str) -> Authority:
    """The authority whom only this identity meets."""
    pattern = IdentityPattern(
        issuer=TextPattern(exact=identity.issuer) if identity.issuer else None,
        san=TextPattern(exact=identity.san),
        san_type=SanType(identity.san_type),
    )
    return Authority(name="exact", identities=(pattern,), root=root)


def signer(octets: bytes) -> SignerIdentity:
    """Whom a bundle's certificate was issued to; nobody when that cannot be read."""
    try:
        evidence = parse_bundle(octets, limits=Limits())
        return read_identity(evidence.certificates[0]) if evidence.certificates else NOBODY
    except (EvidenceRejected, InvalidInput):
        return NOBODY


def first_subject(octets: bytes) -> Digest:
    """The first SHA-256 subject of a bundle's statement, unverified; `UNKNOWN` when there is none."""
    envelope = json.loads(octets).get("dsseEnvelope")
    subjects = json.loads(base64.b64decode(envelope["payload"]))["subject"] if envelope else []
    named = [subject["digest"]["sha256"] for subject in subjects if "sha256" in subject["digest"]]
    return Digest.from_hex(named[0]) if named else UNKNOWN


def artefact(row: Json) -> Message:
    """What a bundle of the table is about; without a name, the first subject of its statement."""
    named = row.get("artifact")
    if named is None:
        return Message.of_digest(first_subject((ASSETS / row["bundle"]).read_bytes()))
    if named.startswith("digest "):
        return Message.of_digest(Digest(named.removeprefix("digest ")))
    if named.startswith("bytes "):
        return Message(octets=json.loads(named.removeprefix("bytes ")).encode())
    return Message(octets=(ASSETS / named).read_bytes())
