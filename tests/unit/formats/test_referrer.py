import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from assay.domain.descriptor import OCI_EMPTY, OCI_MANIFEST, SIGSTORE_BUNDLE, Descriptor
from assay.domain.digest import Digest
from assay.formats.referrer import EMPTY_BLOB, render_document_referrer, render_referrer

SUBJECT = Descriptor(media_type=OCI_MANIFEST, digest=Digest.of(b"image"), size=5)


def test_the_manifest_attaches_the_bundle_to_its_subject() -> None:
    rendered = render_referrer(
        subject=SUBJECT, bundle=b"bundle", predicate_type="https://t", created=datetime(2026, 11, 21, 6, tzinfo=UTC)
    )
    manifest = json.loads(rendered)
    assert manifest["schemaVersion"] == 2
    assert manifest["mediaType"] == OCI_MANIFEST
    assert manifest["artifactType"] == SIGSTORE_BUNDLE
    assert manifest["subject"] == {"mediaType": OCI_MANIFEST, "digest": str(SUBJECT.digest), "size": 5}
    assert manifest["config"] == {"mediaType": OCI_EMPTY, "digest": str(Digest.of(EMPTY_BLOB)), "size": 2}
    assert manifest["layers"] == [{"mediaType": SIGSTORE_BUNDLE, "digest": str(Digest.of(b"bundle")), "size": 6}]
    assert manifest["annotations"] == {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": "https://t",
        "org.opencontainers.image.created": "2026-11-21T06:00:00Z",
    }


def test_the_time_is_written_in_utc() -> None:
    created = datetime(2026, 11, 21, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    rendered = render_referrer(subject=SUBJECT, bundle=b"", predicate_type="t", created=created)
    assert b'"2026-11-20T23:30:00Z"' in rendered


def test_a_time_without_zone_is_refused() -> None:
    naive = datetime(2026, 11, 21, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(ValueError, match="time zone"):
        render_referrer(subject=SUBJECT, bundle=b"", predicate_type="t", created=naive)


def test_a_document_without_a_signature_says_what_it_is() -> None:
    rendered = render_document_referrer(
        subject=SUBJECT, document=b"{}", media_type="a/b", created=datetime(2026, 11, 21, 6, tzinfo=UTC)
    )
    manifest = json.loads(rendered)
    assert (manifest["artifactType"], manifest["layers"][0]["mediaType"]) == ("a/b", "a/b")
    assert manifest["annotations"] == {"org.opencontainers.image.created": "2026-11-21T06:00:00Z"}
