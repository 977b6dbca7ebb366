"""Format confusion: what two readers would understand differently is refused, what the formats allow is not."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from assay.domain.evidence import EvidenceItem, EvidenceShape
from tests.fakes.judge import WORLD, judge, release, verdict
from tests.fakes.sigstore import IMAGE, PROVENANCE, SIGNATURE_PREDICATE, Recipe
from tests.fakes.transparency import Edit, Json, b64

MESSAGE = Recipe(content="message", body="hashedrekord 0.0.1")
FULL = Recipe(stamped=True)
BUNDLES = [
    FULL,
    Recipe(shape="0.1", stamped=True),
    Recipe(shape="0.2", content="message", body="rekord 0.0.1"),
    MESSAGE,
]


def raw(octets: bytes) -> str:
    return verdict(EvidenceItem(shape=EvidenceShape.BUNDLE, content=octets))


def objects(document: object) -> Iterator[Json]:
    """Every object of a document."""
    if isinstance(document, dict):
        yield document
    members = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    for member in members:
        yield from objects(member)


@pytest.mark.parametrize("recipe", BUNDLES, ids=str)
def test_an_unknown_member_at_any_level_is_malformed(recipe: Recipe) -> None:
    bundle = json.loads(WORLD.mint(recipe).content)
    for number in range(len(list(objects(bundle)))):
        altered = copy.deepcopy(bundle)
        list(objects(altered))[number]["x"] = 1
        assert raw(json.dumps(altered).encode()) == "bundle_malformed", number
    assert raw(json.dumps(bundle).encode()) == "signature"


@pytest.mark.parametrize("recipe", BUNDLES, ids=str)
def test_a_duplicate_member_at_any_level_is_malformed(recipe: Recipe) -> None:
    bundle = json.loads(WORLD.mint(recipe).content)
    for place in objects(bundle):
        for name in place:
            text = json.dumps(bundle)
            whole = json.dumps(place)
            twice = whole[:-1] + f", {json.dumps(name)}: {json.dumps(place[name])}}}"
            assert raw(text.replace(whole, twice, 1).encode()) == "bundle_malformed", name


@pytest.mark.parametrize(
    "damage",
    [
        lambda octets: b"\xef\xbb\xbf" + octets,
        lambda octets: octets + b"x",
        lambda octets: octets + octets,
        lambda octets: octets[:-1] + b', "x": NaN}',
        lambda octets: octets.decode().encode("utf-16"),
        lambda octets: b"[" + octets + b"]",
        lambda octets: octets[:-1],
        lambda _: b"",
        lambda _: b"null",
    ],
)
def test_what_is_not_one_strict_document_is_malformed(damage: Callable[[bytes], bytes]) -> None:
    octets = WORLD.mint(FULL).content
    assert raw(damage(octets)) == "bundle_malformed"
    assert raw(b" " + octets + b"\n") == "signature"


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        ("", "bundle_malformed"),
        ("application/json", "bundle_malformed"),
        ("application/vnd.dev.sigstore.bundle+json", "bundle_malformed"),
        ("application/vnd.dev.sigstore.bundle+json;version=0.4", "bundle_unsupported"),
        ("application/vnd.dev.sigstore.bundle.v0.4+json", "bundle_unsupported"),
        ("application/vnd.dev.sigstore.bundle.v0.3+json ", "bundle_malformed"),
        ("APPLICATION/vnd.dev.sigstore.bundle.v0.3+json", "bundle_malformed"),
    ],
)
def test_an_unknown_media_type_is_refused(media_type: str, expected: str) -> None:
    item = WORLD.mint(FULL, bundle=lambda bundle: bundle.update(mediaType=media_type))
    assert verdict(item) == expected
    other = "application/vnd.dev.sigstore.bundle+json;version=0.3"
    assert verdict(WORLD.mint(FULL, bundle=lambda bundle: bundle.update(mediaType=other))) == "signature"


def _material(bundle: Json) -> Json:
    material: Json = bundle["verificationMaterial"]
    return material


ONLY_ONE: dict[str, Edit] = {
    "both contents": lambda b: b.update(
        messageSignature={"messageDigest": {"algorithm": "SHA2_256", "digest": b64(IMAGE.octets)}, "signature": "eA=="}
    ),
    "no content": lambda b: b.pop("dsseEnvelope"),
    "two key materials": lambda b: _material(b).update(publicKey={"hint": "x"}),
    "certificate and chain": lambda b: _material(b).update(
        x509CertificateChain={"certificates": [_material(b)["certificate"]]}
    ),
    "no key material": lambda b: _material(b).pop("certificate"),
    "no verification material": lambda b: b.pop("verificationMaterial"),
    "an empty chain": lambda b: (
        _material(b).pop("certificate"),
        _material(b).update(x509CertificateChain={"certificates": []}),
    ),
}


@pytest.mark.parametrize("defect", ONLY_ONE)
def test_a_bundle_has_exactly_one_content_and_one_key_material(defect: str) -> None:
    assert verdict(WORLD.mint(FULL, bundle=ONLY_ONE[defect])) == "bundle_malformed"
    assert verdict(WORLD.mint(FULL)) == "signature"


ENVELOPES: dict[str, Edit] = {
    "payload without padding": lambda e: e.update(payload=e["payload"].rstrip("=") + "="),
    "payload with a blank": lambda e: e.update(payload=e["payload"] + "\n"),
    "URL-safe payload": lambda e: e.update(payload=e["payload"][:-4] + "-_8="),
    "two signatures": lambda e: e.update(signatures=e["signatures"] * 2),
    "no signature": lambda e: e.update(signatures=[]),
    "no payload type": lambda e: e.pop("payloadType"),
}


@pytest.mark.parametrize("recipe", [FULL, Recipe(shape="att", stamped=True)], ids=str)
@pytest.mark.parametrize("defect", ENVELOPES)
def test_an_envelope_has_one_spelling_and_one_signature(recipe: Recipe, defect: str) -> None:
    assert verdict(WORLD.mint(recipe, envelope=ENVELOPES[defect])) == "bundle_malformed"
    assert verdict(WORLD.mint(recipe)) in {"signature", "attestation"}


@pytest.mark.parametrize("recipe", [FULL, Recipe(shape="att", stamped=True)], ids=str)
def test_a_payload_type_swapped_after_signing_is_invalid_and_a_signed_foreign_one_a_mismatch(recipe: Recipe) -> None:
    swapped = WORLD.mint(recipe, envelope=lambda envelope: envelope.update(payloadType="application/json"))
    assert verdict(swapped) == "signature_invalid"
    foreign = WORLD.mint(recipe, payload_type="application/json")
    assert verdict(foreign) == "predicate_type_mismatch"


DIGESTS: list[dict[str, str]] = [
    {"sha1": IMAGE.hex[:40]},
    {"sha512": IMAGE.hex * 2},
    {"sha256": IMAGE.hex.upper()},
    {"sha256": str(IMAGE)},
    {"sha256": IMAGE.hex[:-1]},
    {"gitCommit": IMAGE.hex},
    {},
]


@pytest.mark.parametrize("digests", DIGESTS)
@pytest.mark.parametrize("recipe", [FULL, Recipe(shape="att")], ids=str)
def test_a_digest_that_matches_only_in_another_form_does_not_match(recipe: Recipe, digests: dict[str, str]) -> None:
    item = WORLD.mint(recipe, statement=lambda s: s.update(subject=[{"name": "n", "digest": digests}]))
    assert verdict(item) == "subject_mismatch"
    mixed = {"gitCommit": "0" * 40, "sha256": IMAGE.hex}
    assert verdict(WORLD.mint(recipe, statement=lambda s: s["subject"][0].update(digest=mixed))) != "subject_mismatch"


@pytest.mark.parametrize("subject", [[], None, [None], [{}, None], "x", [{"digest": None}]])
def test_cve_2026_44310_a_statement_without_a_subject_is_refused(subject: object) -> None:
    item = WORLD.mint(FULL, statement=lambda statement: statement.update(subject=subject))
    assert verdict(item) == ("subject_mismatch" if subject == [{"digest": None}] else "bundle_malformed")
    assert verdict(WORLD.mint(FULL)) == "signature"


@pytest.mark.parametrize("payload", [b"", b"null", b"{}", b"[]", b"not JSON", b"\xff", b'{"_type":null}'])
@pytest.mark.parametrize("shape", ["0.3", "sig", "att"])
def test_cve_2026_39395_a_signed_payload_that_cannot_be_read_is_refused(shape: str, payload: bytes) -> None:
    body = "hashedrekord 0.0.1" if shape == "sig" else "dsse 0.0.1"
    assert verdict(WORLD.mint(Recipe(shape=shape, body=body), payload=lambda _: payload)) == "bundle_malformed"


def test_cve_2022_35929_the_predicate_type_is_the_signed_one() -> None:
    vulnerabilities = "https://cosign.sigstore.dev/attestation/vuln/v1"
    for recipe in (FULL, Recipe(shape="att")):
        for predicate_type in (PROVENANCE, vulnerabilities, "https://cosign.sigstore.dev/attestation/v1", "custom"):
            claim = judge().outcome(WORLD.mint(recipe, predicate_type=predicate_type))
            assert getattr(claim, "predicate_type", "") == predicate_type


def test_cve_2022_35930_a_signature_and_an_attestation_never_stand_in_for_each_other() -> None:
    assert verdict(WORLD.mint(FULL)) == "signature"
    assert verdict(WORLD.mint(MESSAGE)) == "signature"
    assert verdict(WORLD.mint(FULL, predicate_type=PROVENANCE)) == "attestation"
    att = Recipe(shape="att")
    assert verdict(WORLD.mint(att)) == "attestation"
    assert verdict(WORLD.mint(att, predicate_type=SIGNATURE_PREDICATE)) == "predicate_type_mismatch"
    other_type = Recipe(shape="sig", body="hashedrekord 0.0.1")
    assert verdict(WORLD.mint(other_type)) == "signature"
    item = WORLD.mint(other_type, statement=lambda document: document["critical"].update(type="atomic"))
    assert verdict(item) == "predicate_type_mismatch"


def test_a_message_signature_over_another_artefact_is_refused() -> None:
    assert verdict(WORLD.mint(MESSAGE, manifest=b"another")) == "subject_mismatch"
    assert verdict(WORLD.mint(MESSAGE)) == "signature"


@pytest.mark.parametrize(
    ("algorithm", "digest", "expected"),
    [
        ("SHA2_256", b"\x00" * 32, "signature_invalid"),
        ("SHA2_256", IMAGE.octets[:31], "bundle_malformed"),
        ("SHA1", IMAGE.octets[:20], "bundle_malformed"),
        ("MD5", IMAGE.octets, "bundle_malformed"),
        ("", IMAGE.octets, "bundle_malformed"),
    ],
)
def test_a_message_digest_that_is_not_the_artefacts_is_refused(algorithm: str, digest: bytes, expected: str) -> None:
    named = {"algorithm": algorithm, "digest": b64(digest)}
    item = WORLD.mint(MESSAGE, bundle=lambda bundle: bundle["messageSignature"].update(messageDigest=named))
    assert verdict(item) == expected


def test_what_the_formats_allow_passes() -> None:
    other = {"name": "another", "digest": {"sha256": "00" * 32}}
    first = {"size": 1, "index": 0}
    allowed: list[tuple[Recipe, dict[str, Any]]] = [
        (FULL, {"statement": lambda s: s["subject"].insert(0, other)}),
        (FULL, {"statement": lambda s: s["subject"][0].update(name="with a name", uri="https://a.test")}),
        (FULL, {"statement": lambda s: s.update(_type="https://in-toto.io/Statement/v0.1")}),
        (FULL, {"bundle": lambda b: _material(b).update(publicKey=None, x509CertificateChain=None)}),
        (Recipe(), {"bundle": lambda b: _material(b).pop("timestampVerificationData")}),
        (Recipe(), {"bundle": lambda b: _material(b).update(timestampVerificationData={})}),
        (FULL, {"envelope": lambda e: e["signatures"][0].update(keyid="")}),
        (Recipe(), {"enter": {**first, "entry": lambda e: e["inclusionProof"].pop("logIndex")}}),
        (Recipe(), {"enter": {**first, "entry": lambda e: e["inclusionProof"].pop("hashes")}}),
        (Recipe(), {"enter": {"entry": lambda e: e.update(logIndex=int(e["logIndex"]))}}),
        (MESSAGE, {"bundle": lambda b: b["messageSignature"].pop("messageDigest")}),
    ]
    for number, (recipe, changes) in enumerate(allowed):
        assert verdict(WORLD.mint(recipe, **changes)) == "signature", number


def test_an_omitted_index_means_the_first_leaf_only() -> None:
    omitted = {"entry": lambda entry: entry["inclusionProof"].pop("logIndex")}
    assert verdict(WORLD.mint(Recipe(), enter={"index": 0, **omitted})) == "signature"
    assert verdict(WORLD.mint(Recipe(), enter={"index": 1, **omitted})) == "log_proof_invalid"


def test_a_hint_selects_no_trust() -> None:
    stranger = replace(WORLD, key_name="stranger")
    own = b64(WORLD.public_key.key_id.octets)
    item = stranger.mint(Recipe(keyless=False), bundle=lambda b: _material(b).update(publicKey={"hint": own}))
    assert verdict(item) == "signature_invalid"
    assert judge(stranger, authorities=[release(stranger)]).verdict(item) == "signature"


@pytest.mark.parametrize(
    ("levels", "expected"), [(50, "signature"), (70, "bundle_malformed"), (10_000, "bundle_malformed")]
)
def test_nesting_beyond_the_limit_is_malformed(levels: int, expected: str) -> None:
    deep = b'"predicate":{"x":' + b"[" * levels + b"]" * levels + b"}"
    item = WORLD.mint(FULL, payload=lambda payload: payload.replace(b'"predicate":{}', deep))
    assert verdict(item) == expected
