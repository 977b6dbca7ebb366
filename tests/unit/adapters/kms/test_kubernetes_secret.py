"""A key in a Kubernetes secret."""

from collections.abc import Mapping

import pytest

from assay.adapters.kms.kubernetes_secret import KubernetesSecretReader
from assay.adapters.signing.key_file import generate_key_pair
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError
from assay.domain.key_uri import KubernetesSecret
from assay.formats.public_key import parse_public_key
from tests.fakes.clock import FrozenClock

URI = KubernetesSecret(namespace="build", name="release")
PRIVATE, PUBLIC = generate_key_pair(b"pa55")


def deadline() -> Deadline:
    return Deadline.after(30, FrozenClock().monotonic)


def reader(members: Mapping[str, bytes] | None) -> KubernetesSecretReader:
    def fetch(namespace: str, name: str, until: Deadline) -> Mapping[str, bytes] | None:
        assert (namespace, name) == ("build", "release")
        assert until.remaining("the test") == 30
        return members

    return KubernetesSecretReader(uri=URI, fetch_secret=fetch)


def test_a_secret_as_cosign_writes_it_is_read() -> None:
    secrets = reader({"cosign.key": PRIVATE, "cosign.password": b"pa55", "cosign.pub": PUBLIC})
    material = secrets.fetch(deadline())
    assert (material.private_pem, material.password, material.public_pem) == (PRIVATE, b"pa55", PUBLIC)
    assert secrets.fetch_public_key(deadline()) == parse_public_key(PUBLIC)
    assert "pa55" not in repr(material)


def test_without_a_public_key_it_comes_from_the_private_one() -> None:
    secrets = reader({"cosign.key": PRIVATE, "cosign.password": b"pa55"})
    assert secrets.fetch_public_key(deadline()) == parse_public_key(PUBLIC)


@pytest.mark.parametrize("members", [None, {}, {"other": b"x"}])
def test_a_secret_without_a_key_is_none(members: dict[str, bytes] | None) -> None:
    with pytest.raises(AssayError) as caught:
        reader(members).fetch(deadline())
    assert caught.value.code == "kms_key_unknown"
