import time
from collections.abc import Iterator

import pytest

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.deadline import Deadline
from assay.domain.descriptor import (
    DSSE_ENVELOPE,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    SIGSTORE_BUNDLE,
    SIMPLE_SIGNING,
    Content,
)
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.evidence import EvidenceItem, EvidenceShape, GapKind, Rejection
from assay.domain.evidence_format import EVERY_FORMAT, EvidenceFormat
from assay.domain.limit import Limits
from assay.domain.reason import GapReason
from assay.usecases.collect import Collected, Refuse, collect
from assay.usecases.index import list_manifests
from assay.usecases.resolve import resolve
from tests.fakes.oci import (
    CONFIG,
    EMPTY,
    bundle_referrer,
    image,
    index,
    put_attestation,
    put_bundle,
    put_image,
    put_legacy,
    put_signature,
    refuse_nothing,
    rendered,
    soon,
)
from tests.fakes.registry import FakeRegistry, Fault

IMAGE = Digest.of(image())
EVERY_KIND = {GapKind.SIGNATURE, GapKind.PROVENANCE, GapKind.SBOM}
REFERRERS_PATH = f"/v2/app/referrers/{IMAGE}"
CONFIG_HEX = Digest.of(CONFIG).hex
SIG_TAG = f"sha256-{IMAGE.hex}.sig"
ATT_TAG = f"sha256-{IMAGE.hex}.att"
SIGNATURE = {"dev.cosignproject.cosign/signature": "c2ln"}
CLIENT = RegistryClient(access=RegistryAccess(plain_http_on_loopback=True), limits=Limits())


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        put_image(fake, "app")
        yield fake


def gather(
    registry: FakeRegistry,
    *,
    limits: Limits | None = None,
    deadline: Deadline | None = None,
    manifest: bytes = b"",
    refuse: Refuse = refuse_nothing,
    formats: frozenset[EvidenceFormat] = EVERY_FORMAT,
    with_config: bool = True,
) -> Collected:
    resolved = resolve(CLIENT, registry.reference("app", digest=Digest.of(manifest or image())), soon())
    limits = limits or Limits()
    listing = list_manifests(CLIENT, resolved, soon(), limits)
    registry.requests.clear()
    (collected,) = collect(
        CLIENT, listing, deadline or soon(), limits, refuse=refuse, formats=formats, with_config=with_config
    )
    return collected


def contents(collected: Collected) -> list[bytes]:
    return sorted(item.content for item in collected.items)


def gaps(collected: Collected) -> set[tuple[GapKind, str]]:
    return {(gap.kind, gap.code) for gap in collected.gaps}


def rejections(collected: Collected) -> list[tuple[Digest, str]]:
    return [(rejection.id, rejection.code) for rejection in collected.rejected]


def test_an_image_without_evidence_has_none_and_no_gap(registry: FakeRegistry) -> None:
    collected = gather(registry)
    assert (collected.items, collected.gaps, collected.rejected) == ((), (), ())
    assert collected.config is not None
    assert (collected.config.user, collected.config.platform) == ("65532", "linux/amd64")


def test_every_shape_of_evidence_is_collected_and_fetched_once(registry: FakeRegistry) -> None:
    source = put_bundle(registry, "app", image(), b"bundle")
    put_signature(registry, "app", IMAGE, b"payload", SIGNATURE)
    put_attestation(registry, "app", IMAGE, b"envelope")
    collected = gather(registry)
    assert (collected.gaps, collected.rejected) == ((), ())
    assert EvidenceItem(shape=EvidenceShape.BUNDLE, content=b"bundle", source=source) in collected.items
    assert {item.shape: (item.content, item.signature) for item in collected.items} == {
        EvidenceShape.BUNDLE: (b"bundle", ""),
        EvidenceShape.LEGACY_SIGNATURE: (b"payload", "c2ln"),
        EvidenceShape.LEGACY_ATTESTATION: (b"envelope", ""),
    }
    assert len(registry.paths()) == len(set(registry.paths())) == 8


@pytest.mark.parametrize(
    ("kind", "content", "paths"),
    [
        (EvidenceFormat.REFERRERS, b"bundle", 3),
        (EvidenceFormat.SIGNATURE_TAGS, b"payload", 2),
        (EvidenceFormat.ATTESTATION_TAGS, b"envelope", 2),
    ],
)
def test_a_format_that_is_off_costs_no_request_and_counts_for_nothing(
    registry: FakeRegistry, kind: EvidenceFormat, content: bytes, paths: int
) -> None:
    put_bundle(registry, "app", image(), b"bundle")
    put_signature(registry, "app", IMAGE, b"payload", SIGNATURE)
    put_attestation(registry, "app", IMAGE, b"envelope")
    everything = gather(registry)
    before = len(registry.paths())
    collected = gather(registry, formats=EVERY_FORMAT - {kind})
    assert set(contents(everything)) - set(contents(collected)) == {content}
    assert before - len(registry.paths()) == paths
    assert (collected.gaps, collected.rejected, collected.config) == ((), (), everything.config)


def test_the_fallback_tag_is_read_where_there_is_no_referrers_api(registry: FakeRegistry) -> None:
    registry.referrers_api = False
    referrer = bundle_referrer(image(), b"bundle")
    for blob in (EMPTY, b"bundle"):
        registry.put_blob("app", blob)
    CLIENT.push_manifest(registry.repository("app"), referrer, OCI_MANIFEST, soon())
    assert contents(gather(registry)) == [b"bundle"]


def test_a_referrer_listed_without_a_type_is_looked_into(registry: FakeRegistry) -> None:
    registry.referrers_api = False
    bundle = put_bundle(registry, "app", image(), b"bundle")
    plain = image(subject=rendered(OCI_MANIFEST, image()))
    several = index(subject=rendered(OCI_MANIFEST, image()))
    for octets, media_type in ((plain, OCI_MANIFEST), (several, OCI_INDEX)):
        registry.put_manifest("app", octets, media_type)
    entries = [rendered(OCI_MANIFEST, b"", digest=bundle.text), rendered(OCI_MANIFEST, plain)]
    registry.put_manifest("app", index(*entries, rendered(OCI_INDEX, several)), OCI_INDEX, tag=f"sha256-{IMAGE.hex}")
    collected = gather(registry)
    assert contents(collected) == [b"bundle"]
    assert (collected.gaps, collected.rejected) == ((), ())


def test_layers_over_one_payload_are_separate_items_and_one_request(registry: FakeRegistry) -> None:
    layers = [(b"payload", {"dev.cosignproject.cosign/signature": text}) for text in ("a", "b", "a")]
    put_legacy(registry, "app", SIG_TAG, layers, SIMPLE_SIGNING)
    collected = gather(registry)
    assert [item.signature for item in collected.items] == ["a", "b"]
    assert registry.paths().count(f"/v2/app/blobs/{Digest.of(b'payload')}") == 1


@pytest.mark.parametrize("name", ["certificate", "chain", "bundle", "rfc3161timestamp"])
def test_certificate_and_log_annotations_are_kept(registry: FakeRegistry, name: str) -> None:
    put_signature(registry, "app", IMAGE, b"payload", SIGNATURE | {f"dev.sigstore.cosign/{name}": "x"})
    assert [getattr(item, name) for item in gather(registry).items] == ["x"]
    put_signature(registry, "app", IMAGE, b"payload", SIGNATURE | {f"dev.sigstore.cosign/{name}": ""})
    assert [getattr(item, name) for item in gather(registry).items] == [""]


def test_a_bundle_about_another_image_is_rejected(registry: FakeRegistry) -> None:
    put_bundle(registry, "app", image(), b"good")
    other = put_bundle(registry, "app", image(annotations={"a": "b"}), b"moved")
    none = registry.put_manifest("app", image(artifactType=SIGSTORE_BUNDLE)).digest
    listed = [rendered(OCI_MANIFEST, b"", digest=digest.text, artifactType=SIGSTORE_BUNDLE) for digest in (other, none)]
    listed += registry.referrers("app", IMAGE.text)
    registry.faults[REFERRERS_PATH] = Fault(octets=index(*listed))
    collected = gather(registry)
    assert contents(collected) == [b"good"]
    assert rejections(collected) == sorted([(other, "subject_mismatch"), (none, "subject_mismatch")])


@pytest.mark.parametrize(
    "layers",
    [
        [],
        [rendered(SIGSTORE_BUNDLE, b"bundle"), rendered(SIGSTORE_BUNDLE, b"good")],
        [rendered("application/json", b"bundle")],
    ],
)
def test_a_referrer_has_exactly_one_bundle(registry: FakeRegistry, layers: list[object]) -> None:
    put_bundle(registry, "app", image(), b"good")
    odd = registry.put_manifest("app", bundle_referrer(image(), b"bundle", layers=layers)).digest
    collected = gather(registry)
    assert contents(collected) == [b"good"]
    assert rejections(collected) == [(odd, "bundle_malformed")]


def test_an_index_that_calls_itself_a_bundle_is_rejected(registry: FakeRegistry) -> None:
    octets = index(subject=rendered(OCI_MANIFEST, image()), artifactType=SIGSTORE_BUNDLE)
    registry.put_manifest("app", octets, OCI_INDEX)
    assert rejections(gather(registry)) == [(Digest.of(octets), "manifest_malformed")]


@pytest.mark.parametrize(
    "artifact_type",
    ["application/vnd.cncf.notary.signature", "application/vnd.dev.cosign.artifact.sig.v1+json"],
)
def test_signatures_of_other_kinds_are_rejected_not_ignored(registry: FakeRegistry, artifact_type: str) -> None:
    put_bundle(registry, "app", image(), b"good")
    other = registry.put_manifest("app", bundle_referrer(image(), b"x", artifactType=artifact_type)).digest
    collected = gather(registry)
    assert contents(collected) == [b"good"]
    assert rejections(collected) == [(other, "bundle_unsupported")]
    assert f"/v2/app/manifests/{other}" not in registry.paths()


def test_a_signature_of_another_kind_without_a_listed_type_is_rejected_too(registry: FakeRegistry) -> None:
    kind = "application/vnd.cncf.notary.signature"
    octets = bundle_referrer(image(), b"x", artifactType=kind, layers=[rendered("application/jose+json", b"x")])
    registry.put_manifest("app", octets)
    registry.faults[REFERRERS_PATH] = Fault(octets=index(rendered(OCI_MANIFEST, octets)))
    assert rejections(gather(registry)) == [(Digest.of(octets), "bundle_unsupported")]


def test_other_referrers_are_ignored_without_being_fetched(registry: FakeRegistry) -> None:
    scan = registry.put_manifest("app", bundle_referrer(image(), b"x", artifactType="application/sarif+json")).digest
    collected = gather(registry)
    assert (collected.items, collected.gaps, collected.rejected) == ((), (), ())
    assert f"/v2/app/manifests/{scan}" not in registry.paths()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(octets=bundle_referrer(image(), b"x")), "digest_mismatch"),
        (Fault(status=404), "manifest_malformed"),
        (Fault(media_type="text/html"), "manifest_malformed"),
        (Fault(octets=b"x" * (4 * 1024 * 1024 + 1)), "evidence_limit"),
    ],
)
def test_a_candidate_that_is_not_intact_disturbs_no_other(registry: FakeRegistry, fault: Fault, code: str) -> None:
    put_bundle(registry, "app", image(), b"good")
    bad = put_bundle(registry, "app", image(), b"bad")
    registry.faults[f"/v2/app/manifests/{bad}"] = fault
    collected = gather(registry)
    assert (contents(collected), rejections(collected), collected.gaps) == ([b"good"], [(bad, code)], ())
    registry.faults.clear()
    assert contents(gather(registry)) == [b"bad", b"good"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [(Fault(octets=b"bad"), "digest_mismatch"), (Fault(status=404), "manifest_malformed")],
)
def test_a_bundle_that_is_not_intact_disturbs_no_other(registry: FakeRegistry, fault: Fault, code: str) -> None:
    put_bundle(registry, "app", image(), b"good")
    put_bundle(registry, "app", image(), b"evil")
    registry.faults[f"/v2/app/blobs/{Digest.of(b'evil')}"] = fault
    collected = gather(registry)
    assert (contents(collected), collected.gaps) == ([b"good"], ())
    assert rejections(collected) == [(Digest.of(b"evil"), code)]


def test_a_lying_size_is_rejected_and_the_true_one_is_not(registry: FakeRegistry) -> None:
    put_bundle(registry, "app", image(), b"good")
    lying = [rendered(SIGSTORE_BUNDLE, b"good", size=2)]
    registry.put_manifest("app", bundle_referrer(image(), b"good", layers=lying))
    collected = gather(registry)
    assert contents(collected) == [b"good"]
    assert rejections(collected) == [(Digest.of(b"good"), "digest_mismatch")]


def test_a_broken_legacy_tag_is_rejected_under_the_image_and_disturbs_nothing(registry: FakeRegistry) -> None:
    put_bundle(registry, "app", image(), b"good")
    registry.put_manifest("app", b'{"schemaVersion": 2}', tag=SIG_TAG)
    registry.put_manifest("app", index(), OCI_INDEX, tag=ATT_TAG)
    collected = gather(registry)
    assert (contents(collected), collected.gaps) == ([b"good"], ())
    assert set(rejections(collected)) == {(IMAGE, "manifest_malformed"), (Digest.of(index()), "manifest_malformed")}


@pytest.mark.parametrize(("tag", "media_type"), [(SIG_TAG, DSSE_ENVELOPE), (ATT_TAG, SIMPLE_SIGNING)])
def test_a_legacy_layer_of_another_type_is_rejected(registry: FakeRegistry, tag: str, media_type: str) -> None:
    put_legacy(registry, "app", tag, [(b"payload", SIGNATURE)], media_type)
    collected = gather(registry)
    assert collected.items == ()
    assert rejections(collected) == [(Digest.of(b"payload"), "bundle_unsupported")]


def test_too_many_legacy_layers_are_rejected(registry: FakeRegistry) -> None:
    layers = [(b"payload", {"dev.cosignproject.cosign/signature": str(number)}) for number in range(3)]
    put_legacy(registry, "app", SIG_TAG, layers, SIMPLE_SIGNING)
    assert rejections(gather(registry, limits=Limits(layers=2))) == [(IMAGE, "evidence_limit")]
    assert len(gather(registry, limits=Limits(layers=3)).items) == 3


@pytest.mark.parametrize(
    ("status", "code"), [(401, "registry_denied"), (429, "registry_unavailable"), (500, "registry_unavailable")]
)
@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        (REFERRERS_PATH, EVERY_KIND),
        (f"/v2/app/manifests/{SIG_TAG}", {GapKind.SIGNATURE}),
        (f"/v2/app/manifests/{ATT_TAG}", {GapKind.PROVENANCE, GapKind.SBOM}),
        (f"/v2/app/manifests/{Digest.of(bundle_referrer(image(), b'bundle'))}", EVERY_KIND),
        (f"/v2/app/blobs/{Digest.of(b'bundle')}", EVERY_KIND),
        (f"/v2/app/blobs/{Digest.of(b'payload')}", {GapKind.SIGNATURE}),
        (f"/v2/app/blobs/{Digest.of(b'envelope')}", {GapKind.PROVENANCE, GapKind.SBOM}),
        (f"/v2/app/blobs/{Digest.of(CONFIG)}", {GapKind.CONFIG}),
    ],
)
def test_what_could_not_be_asked_for_is_a_gap(
    registry: FakeRegistry, path: str, kinds: set[GapKind], status: int, code: str
) -> None:
    put_bundle(registry, "app", image(), b"bundle")
    put_signature(registry, "app", IMAGE, b"payload", SIGNATURE)
    put_attestation(registry, "app", IMAGE, b"envelope")
    registry.faults[path] = Fault(status=status)
    collected = gather(registry)
    assert gaps(collected) == {(kind, code) for kind in kinds}
    assert {gap.reason for gap in collected.gaps} == {GapReason.FETCH_ERROR}
    assert collected.rejected == ()
    assert len(collected.items) == (3 if path.endswith(CONFIG_HEX) else 2)
    registry.faults.clear()
    assert gather(registry).gaps == ()


def test_a_list_that_cannot_be_read_is_a_gap_of_every_kind(registry: FakeRegistry) -> None:
    registry.faults[REFERRERS_PATH] = Fault(octets=b"{}")
    assert gaps(gather(registry)) == {(kind, "manifest_malformed") for kind in EVERY_KIND}
    registry.faults[REFERRERS_PATH] = Fault(endless_pages=True)
    assert gaps(gather(registry)) == {(kind, "evidence_limit") for kind in EVERY_KIND}


def test_a_slow_registry_leaves_gaps_at_the_deadline(registry: FakeRegistry) -> None:
    put_signature(registry, "app", IMAGE, b"payload", SIGNATURE)
    registry.faults[REFERRERS_PATH] = Fault(seconds_per_octet=0.05)
    began = time.monotonic()
    collected = gather(registry, deadline=Deadline.after(0.5, time.monotonic))
    assert time.monotonic() - began < 8
    assert {code for _, code in gaps(collected)} == {"deadline_exceeded"}
    assert {kind for kind, _ in gaps(collected)} >= EVERY_KIND


def test_evidence_above_the_total_is_a_gap_and_the_small_ones_stay(registry: FakeRegistry) -> None:
    for bundle in (b"small", b"larger", b"largest!"):
        put_bundle(registry, "app", image(), bundle)
    collected = gather(registry, limits=Limits(evidence_octets=18))
    assert contents(collected) == [b"larger", b"small"]
    assert gaps(collected) == {(kind, "evidence_limit") for kind in EVERY_KIND}
    assert gather(registry, limits=Limits(evidence_octets=19)).gaps == ()


def test_what_is_refused_makes_room_for_what_counts(registry: FakeRegistry) -> None:
    for bundle in (b"junk1", b"junk2", b"junk3", b"signed"):
        put_bundle(registry, "app", image(), bundle)

    def refuse(item: EvidenceItem, _: Content) -> Rejection | None:
        junk = item.content.startswith(b"junk")
        return Rejection(id=item.digest, code="signature_invalid", detail="") if junk else None

    collected = gather(registry, limits=Limits(evidence_octets=8), refuse=refuse)
    assert (contents(collected), gaps(collected)) == ([b"signed"], set())
    assert [code for _, code in rejections(collected)] == ["signature_invalid"] * 3
    assert gaps(gather(registry, limits=Limits(evidence_octets=8))) == {(kind, "evidence_limit") for kind in EVERY_KIND}


def test_one_item_above_its_limit_is_rejected_and_leaves_no_gap(registry: FakeRegistry) -> None:
    put_bundle(registry, "app", image(), b"good")
    put_bundle(registry, "app", image(), b"large")
    collected = gather(registry, limits=Limits(blob_octets=4, evidence_octets=8))
    assert (contents(collected), collected.gaps) == ([b"good"], ())
    assert rejections(collected) == [(Digest.of(b"large"), "evidence_limit")]


def test_a_config_that_nobody_wants_costs_no_request_and_is_a_gap(registry: FakeRegistry) -> None:
    put_bundle(registry, "app", image(), b"bundle")
    everything = gather(registry)
    before = len(registry.paths())
    collected = gather(registry, with_config=False)
    assert before - len(registry.paths()) == 1
    assert (collected.config, collected.items) == (None, everything.items)
    assert gaps(collected) == {(GapKind.CONFIG, "not_collected")}


@pytest.mark.parametrize("config", [b"[]", b'{"os": 1}'])
def test_a_config_that_cannot_be_parsed_is_a_gap(registry: FakeRegistry, config: bytes) -> None:
    octets = image(config=rendered("application/vnd.oci.image.config.v1+json", config))
    registry.put_blob("app", config)
    registry.put_manifest("app", octets)
    collected = gather(registry, manifest=octets)
    assert collected.config is None
    assert gaps(collected) == {(GapKind.CONFIG, "config_malformed")}


def test_a_config_that_is_no_image_config_is_a_gap(registry: FakeRegistry) -> None:
    octets = image(config=rendered(OCI_EMPTY, EMPTY))
    registry.put_manifest("app", octets)
    collected = gather(registry, manifest=octets)
    assert gaps(collected) == {(GapKind.CONFIG, "config_malformed")}


def test_a_registry_that_may_not_be_asked_is_no_gap(registry: FakeRegistry) -> None:
    listing = list_manifests(CLIENT, resolve(CLIENT, registry.reference("app", tag="v1"), soon()), soon(), Limits())
    closed = RegistryClient(access=RegistryAccess(allowed=frozenset({"registry.test"})), limits=Limits())
    with pytest.raises(InvalidInput) as caught:
        collect(closed, listing, soon(), Limits(), refuse=refuse_nothing)
    assert caught.value.code == "registry_not_configured"


def test_the_same_content_gives_the_same_value(registry: FakeRegistry) -> None:
    for number in range(6):
        put_bundle(registry, "app", image(), b"bundle %d" % number)
    first, second = gather(registry), gather(registry)
    assert first == second
    assert [item.digest for item in first.items] == sorted(item.digest for item in first.items)
