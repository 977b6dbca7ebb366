"""A whole Sigstore that mints every shape of evidence and breaks any one field of it, re-signed or not.

world = FakeSigstore()
item = world.mint(Recipe())                                             # keyless DSSE bundle v0.3, Rekor v1
item = world.mint(Recipe(shape="sig", body="rekord 0.0.1", stamped=True))
item = world.mint(Recipe(body="hashedrekord 0.0.2", stamped=True))      # Rekor v2 needs a timestamp
item = world.mint(Recipe(), body=lambda b: b.update(kind="x"))          # broken, then logged, proven and promised
item = world.mint(Recipe(), bundle=lambda b: b.pop("mediaType"))        # broken afterwards

signing = world.sign(Recipe())                                          # the same by hand, step by step
entry = signing.enter(world.log, "dsse 0.0.1")
item = signing.item("0.3", entries=[entry], tokens=[world.tsa.stamp(signing.stamped_octets("0.3"))])
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from assay.domain.digest import Digest
from assay.domain.evidence import EvidenceItem, EvidenceShape
from assay.domain.identity import PublicKey
from assay.formats.dsse import pae
from tests.fakes.certificate import FakeCertificateAuthority, FakeCtLog, Leaf, PrivateKey, private_key, sign, spki
from tests.fakes.timestamping import FakeTimestampAuthority
from tests.fakes.transparency import BODIES, Edit, FakeLog, Json, Signed, b64, nothing
from tests.fakes.trusted_root import Span, pem_of_key, render_trusted_root

MANIFEST = b'{"schemaVersion":2}'
"""The image that evidence is about unless a test says otherwise."""
IMAGE = Digest.of(MANIFEST)
SIGNATURE_PREDICATE = "https://sigstore.dev/cosign/sign/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
IN_TOTO = "application/vnd.in-toto+json"
_MEDIA_TYPES = {
    "0.1": "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "0.2": "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "0.3": "application/vnd.dev.sigstore.bundle.v0.3+json",
}
_KEY_DETAILS = {
    "p256": "PKIX_ECDSA_P256_SHA_256",
    "p384": "PKIX_ECDSA_P384_SHA_384",
    "p384-sha256": "PKIX_ECDSA_P384_SHA_256",
    "p521": "PKIX_ECDSA_P521_SHA_512",
    "p521-sha256": "PKIX_ECDSA_P521_SHA_256",
    "ed25519": "PKIX_ED25519",
    "ed25519ph": "PKIX_ED25519_PH",
    "rsa2048": "PKIX_RSA_PKCS1V15_2048_SHA256",
    "rsa3072": "PKIX_RSA_PKCS1V15_3072_SHA256",
    "rsa4096": "PKIX_RSA_PKCS1V15_4096_SHA256",
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Which evidence to mint.

    `shape` is a bundle version (0.1, 0.2, 0.3), `sig` or `att`; `content` is `dsse` or `message` and matters to
    bundles only; `body` is the kind and version of the log entry, empty for none; `stamped` adds one timestamp.
    """

    shape: str = "0.3"
    content: str = "dsse"
    keyless: bool = True
    body: str = "dsse 0.0.1"
    stamped: bool = False
    promise: bool = True
    proof: bool = True

    @property
    def signs(self) -> str:
        """What is signed: `simple`, `dsse` or `message`."""
        return {"sig": "simple", "att": "dsse"}.get(self.shape, self.content)

    @property
    def is_tiled(self) -> bool:
        """Whether the entry is one of a log of generation 2."""
        return self.body.endswith("0.0.2") and self.body.startswith("hashedrekord")


def _recipes() -> tuple[Recipe, ...]:
    found = []
    for shape in ("0.1", "0.2", "0.3", "sig", "att"):
        for content in ("dsse", "message") if shape.startswith("0") else ("dsse",):
            kinds: tuple[str, ...] = ("dsse 0.0.1", "intoto 0.0.1", "intoto 0.0.2")
            if shape == "sig" or content == "message":
                kinds = ("hashedrekord 0.0.1", "rekord 0.0.1")
            if shape == "0.3":
                kinds = (*kinds, "hashedrekord 0.0.2")
            found += [
                Recipe(shape=shape, content=content, keyless=keyless, body=body, stamped=stamped)
                for body in kinds
                for keyless in (True, False)
                for stamped in (False, True)
                if stamped or body != "hashedrekord 0.0.2"
            ]
    return tuple(found)


RECIPES = _recipes()
"""Every shape that a public-good trust root accepts."""


@dataclass(frozen=True, kw_only=True)
class Signing:
    """Something that was signed, before it is logged, stamped and packed."""

    signed: Signed
    certificate: x509.Certificate | None
    chain: tuple[x509.Certificate, ...]
    public_key: PublicKey

    def show(self, certificate: x509.Certificate) -> "Signing":
        """The same signature beside another certificate."""
        shown = replace(
            self.signed, pem=certificate.public_bytes(Encoding.PEM), der=certificate.public_bytes(Encoding.DER)
        )
        return replace(self, signed=shown, certificate=certificate)

    def stamped_octets(self, shape: str) -> bytes:
        """What a timestamp covers: the envelope of an `.att`, everywhere else the signature."""
        return self.signed.envelope if shape == "att" else self.signed.signature

    def enter(self, log: FakeLog, kind: str, *, body: Edit = nothing, **parts: Any) -> Json:
        """Log the signature; `body` changes what is logged, before it is. `parts` as for `FakeLog.enter`."""
        document = BODIES[kind](self.signed)
        body(document)
        return log.enter(document, **parts)

    def item(
        self,
        shape: str,
        *,
        entries: Sequence[Json] = (),
        tokens: Sequence[bytes] = (),
        bundle: Edit = nothing,
        annotations: Edit = nothing,
        intermediates: Sequence[x509.Certificate] | None = None,
    ) -> EvidenceItem:
        """Pack it. `bundle` changes the bundle, `annotations` the annotations (by field name), both at the end.

        `intermediates` go with the leaf where the shape has room for them; by default those of the authority.
        """
        along = self.chain[:1] if intermediates is None else intermediates
        if shape in _MEDIA_TYPES:
            document = self._bundle(shape, entries, tokens, along)
            bundle(document)
            return EvidenceItem(shape=EvidenceShape.BUNDLE, content=json.dumps(document).encode())
        texts: dict[str, Any] = self._annotations(entries, tokens, along)
        if shape == "sig":
            texts["signature"] = b64(self.signed.signature)
        annotations(texts)
        if shape == "sig":
            return EvidenceItem(shape=EvidenceShape.LEGACY_SIGNATURE, content=self.signed.message, **texts)
        return EvidenceItem(shape=EvidenceShape.LEGACY_ATTESTATION, content=self.signed.envelope, **texts)

    def _bundle(
        self, shape: str, entries: Sequence[Json], tokens: Sequence[bytes], along: Sequence[x509.Certificate]
    ) -> Json:
        material: Json
        if self.certificate is None:
            material = {"publicKey": {"hint": b64(hashlib.sha256(self.public_key.spki).digest())}}
        elif shape == "0.3":
            material = {"certificate": {"rawBytes": b64(self.signed.der)}}
        else:
            raw = [self.signed.der, *(each.public_bytes(Encoding.DER) for each in along)]
            material = {"x509CertificateChain": {"certificates": [{"rawBytes": b64(each)} for each in raw]}}
        material["tlogEntries"] = list(entries)
        stamps = [{"signedTimestamp": b64(token)} for token in tokens]
        material["timestampVerificationData"] = {"rfc3161Timestamps": stamps}
        return {"mediaType": _MEDIA_TYPES[shape], "verificationMaterial": material, **self._content()}

    def _content(self) -> Json:
        if self.signed.envelope:
            return {"dsseEnvelope": json.loads(self.signed.envelope)}
        digest = hashlib.new(self.signed.hash_name, self.signed.message).digest()
        algorithm = "SHA2_" + self.signed.hash_name.removeprefix("sha")
        named = {"algorithm": algorithm, "digest": b64(digest)}
        return {"messageSignature": {"messageDigest": named, "signature": b64(self.signed.signature)}}

    def _annotations(
        self, entries: Sequence[Json], tokens: Sequence[bytes], along: Sequence[x509.Certificate]
    ) -> dict[str, str]:
        texts = {}
        if self.certificate is not None:
            texts["certificate"] = self.signed.pem.decode()
            texts["chain"] = "".join(each.public_bytes(Encoding.PEM).decode() for each in along)
        for entry in entries:
            texts["bundle"] = json.dumps(legacy_bundle(entry))
        for token in tokens:
            texts["rfc3161timestamp"] = json.dumps({"SignedRFC3161Timestamp": b64(token)})
        return texts


def legacy_bundle(entry: Json) -> Json:
    """The bundle annotation of legacy evidence: the promise of an entry and what it covers."""
    payload = {
        "body": entry["canonicalizedBody"],
        "integratedTime": int(entry["integratedTime"]),
        "logIndex": int(entry["logIndex"]),
        "logID": base64.b64decode(entry["logId"]["keyId"]).hex(),
    }
    return {"SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"], "Payload": payload}


@dataclass(frozen=True, kw_only=True)
class FakeSigstore:
    """The parties and what they make together; `replace` exchanges one of them."""

    authority: FakeCertificateAuthority = field(default_factory=FakeCertificateAuthority)
    ct_log: FakeCtLog = field(default_factory=FakeCtLog)
    log: FakeLog = field(default_factory=FakeLog)
    tiles: FakeLog = field(default_factory=lambda: FakeLog(name="log2026.rekor.test", generation=2))
    tsa: FakeTimestampAuthority = field(default_factory=FakeTimestampAuthority)
    leaf: Leaf = field(default_factory=Leaf)
    key_name: str = "release"
    key_kind: str = "p256"

    @property
    def key(self) -> PrivateKey:
        return private_key(f"keyed {self.key_name}", self.key_kind)

    @property
    def public_key(self) -> PublicKey:
        return PublicKey(spki=spki(self.key))

    def trusted_root(self, *, windows: Mapping[str, Span] | None = None, edit: Edit = nothing) -> bytes:
        """The trust root of this world; `windows` by party: `authority`, `ct_log`, `log`, `tiles`, `tsa`."""
        document = render_trusted_root(
            authority=self.authority,
            ct_log=self.ct_log,
            logs={"log": self.log, "tiles": self.tiles},
            tsa=self.tsa,
            windows=windows or {},
        )
        edit(document)
        return json.dumps(document).encode()

    def sign(
        self,
        recipe: Recipe,
        *,
        manifest: bytes = MANIFEST,
        predicate_type: str | None = None,
        payload_type: str = IN_TOTO,
        statement: Edit = nothing,
        payload: Callable[[bytes], bytes] = bytes,
        envelope: Edit = nothing,
        signer: PrivateKey | None = None,
        certificate: x509.Certificate | None = None,
    ) -> Signing:
        """Sign for an image.

        Changed before it is signed: `statement` (as JSON: the statement or simple-signing document), `payload` (as
        bytes); after: `envelope`. `signer` signs instead of the key that the evidence shows; `certificate` is shown
        instead of a fresh one.
        """
        kind = self.leaf.kind if recipe.keyless else self.key_kind
        own = self.leaf.key if recipe.keyless else self.key
        shown = (certificate or self.authority.issue(self.leaf)) if recipe.keyless else None
        content = _content(recipe, manifest, predicate_type or _predicate_type(recipe), statement)
        octets = payload(content)
        message = octets if recipe.signs != "dsse" else pae(payload_type, octets)
        signature, hash_name = sign(signer or own, kind, message)
        minted = Signed(
            message=message,
            signature=signature,
            pem=shown.public_bytes(Encoding.PEM) if shown else pem_of_key(own),
            der=shown.public_bytes(Encoding.DER) if shown else spki(own),
            is_certificate=shown is not None,
            key_details=_KEY_DETAILS.get(kind, ""),
            hash_name=hash_name,
        )
        if recipe.signs == "dsse":
            document = {"payloadType": payload_type, "payload": b64(octets), "signatures": [{"sig": b64(signature)}]}
            envelope(document)
            written = json.dumps(document).encode()
            minted = replace(minted, envelope=written, payload=octets, payload_type=payload_type)
        return Signing(signed=minted, certificate=shown, chain=self.authority.chain, public_key=self.public_key)

    def mint(
        self,
        recipe: Recipe,
        *,
        body: Edit = nothing,
        enter: Mapping[str, Any] | None = None,
        stamp: Mapping[str, Any] | None = None,
        bundle: Edit = nothing,
        annotations: Edit = nothing,
        intermediates: Sequence[x509.Certificate] | None = None,
        **signing: Any,
    ) -> EvidenceItem:
        """Sign, log, stamp and pack by recipe.

        `body` and `enter` are for `Signing.enter`, `stamp` for `FakeTimestampAuthority.stamp`, `bundle`,
        `annotations` and `intermediates` for `Signing.item`, everything else for `sign`.
        """
        signed = self.sign(recipe, **signing)
        entries, tokens = [], []
        if recipe.body:
            log = self.tiles if recipe.is_tiled else self.log
            parts = {"promise": recipe.promise, "proof": recipe.proof, **(enter or {})}
            entries.append(signed.enter(log, recipe.body, body=body, **parts))
        if recipe.stamped:
            tokens.append(self.tsa.stamp(signed.stamped_octets(recipe.shape), **(stamp or {})))
        return signed.item(
            recipe.shape,
            entries=entries,
            tokens=tokens,
            bundle=bundle,
            annotations=annotations,
            intermediates=intermediates,
        )


def _predicate_type(recipe: Recipe) -> str:
    return PROVENANCE if recipe.shape == "att" else SIGNATURE_PREDICATE


def _content(recipe: Recipe, manifest: bytes, predicate_type: str, statement: Edit) -> bytes:
    digest = Digest.of(manifest)
    if recipe.signs == "message":
        return manifest
    document: Json
    if recipe.signs == "simple":
        document = {
            "critical": {
                "identity": {"docker-reference": "registry.test/app"},
                "image": {"docker-manifest-digest": str(digest)},
                "type": "cosign container image signature",
            },
            "optional": None,
        }
    else:
        document = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": digest.hex}}],
            "predicateType": predicate_type,
            "predicate": {},
        }
    statement(document)
    return json.dumps(document, separators=(",", ":")).encode()
