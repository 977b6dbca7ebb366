"""Whoever attaches evidence: a client of registries, signers by key and by identity, and a desk to write at."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.identity import Authority
from assay.domain.limit import Limits
from assay.domain.reference import Repository
from assay.formats.trusted_root import parse_trusted_root
from assay.ports import EvidenceSigner, WritableRegistry
from assay.usecases.attach import Desk, Form
from assay.usecases.sign import KeyEvidenceSigner
from assay.usecases.target import Place
from assay.verification.identity import IdentityPattern
from assay.verification.root_builder import build_trust_root
from assay.verification.text_pattern import TextPattern
from assay.verification.trust_root import TrustProfile, TrustRoot
from tests.fakes.certificate import ISSUER, WORKFLOW
from tests.fakes.oci import soon
from tests.fakes.signing import FakeAuthority
from tests.fakes.sigstore import FakeSigstore, Recipe

CREATED = datetime(2026, 11, 21, 12, tzinfo=UTC)


def make_client(limits: Limits | None = None) -> RegistryClient:
    """A client that speaks plain http to loopback."""
    return RegistryClient(
        access=RegistryAccess(plain_http_on_loopback=True), limits=limits or Limits(), pause=lambda _: None
    )


def make_place(repository: Repository, limits: Limits | None = None) -> Place:
    """The repository with time enough."""
    return Place(repository=repository, deadline=soon(), limits=limits or Limits())


def make_desk(
    registry: WritableRegistry,
    repository: Repository,
    *,
    signer: EvidenceSigner | None = None,
    form: Form = Form.REFERRER,
) -> Desk:
    """Write there, as the authority `release` unless somebody else signs."""
    return Desk(
        registry=registry,
        place=make_place(repository),
        signer=signer or KeyEvidenceSigner(FakeAuthority()),
        created=CREATED,
        form=form,
    )


@dataclass(frozen=True, kw_only=True)
class KeylessSigner:
    """Signs with a certificate of a fake Sigstore; implements the port `EvidenceSigner`."""

    world: FakeSigstore = field(default_factory=FakeSigstore)
    recipe: Recipe = field(default_factory=Recipe)

    def sign_statement(self, payload: bytes) -> bytes:
        return self.world.mint(self.recipe, payload=lambda _: payload).content

    def sign_message(self, message: bytes) -> bytes:
        body = "hashedrekord 0.0.1" if self.recipe.body == "dsse 0.0.1" else self.recipe.body
        return self.world.mint(replace(self.recipe, content="message", body=body), manifest=message).content

    def authority(self) -> Authority:
        rule = IdentityPattern(issuer=TextPattern(exact=ISSUER), san=TextPattern(exact=WORKFLOW))
        return Authority(name="signer", identities=(rule,), root="private")

    def roots(self) -> Mapping[str, TrustRoot]:
        document = parse_trusted_root(self.world.trusted_root(), limits=Limits())
        profile = TrustProfile(log_entries=int(bool(self.recipe.body)), scts=1, timestamps=int(self.recipe.stamped))
        return {"private": build_trust_root(document, profile, "private")}


def write_signing_config(folder: Path, **changes: object) -> tuple[Path, Path]:
    """The files of a signing config, some of its members changed, and of the trust root of a fake Sigstore."""
    here = {"url": "http://127.0.0.1:1", "majorApiVersion": 1, "operator": "sigstore.test"}
    service = {**here, "validFor": {"start": "2021-01-01T00:00:00Z"}}
    config: dict[str, object] = {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        **{name: [service] for name in ("caUrls", "oidcUrls", "rekorTlogUrls")},
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaConfig": {},
    }
    signing_config, trusted_root = folder / "signing_config.json", folder / "trusted_root.json"
    signing_config.write_text(json.dumps(config | changes))
    trusted_root.write_bytes(FakeSigstore().trusted_root())
    return signing_config, trusted_root
