"""Images that were seen: for one tenant and environment, or for all."""

import pytest

from assay.domain.artefact import Artefact
from assay.domain.digest import Digest
from assay.domain.reference import Repository
from assay.domain.seen_image import SeenImage, Sighting

ARTEFACT = Artefact(repository=Repository(registry="registry.example", path="shop/api"), digest=Digest.of(b"image"))


def test_an_image_is_for_one_tenant_and_environment_or_for_all() -> None:
    assert SeenImage(artefact=ARTEFACT, why=Sighting.NOTIFICATION).tenant == ""
    seen = SeenImage(artefact=ARTEFACT, why=Sighting.DECISION, tenant="shop", environment="production")
    assert (seen.tenant, seen.environment) == ("shop", "production")


@pytest.mark.parametrize(("tenant", "environment"), [("shop", ""), ("", "production")])
def test_a_tenant_without_an_environment_cannot_be_built(tenant: str, environment: str) -> None:
    with pytest.raises(ValueError, match="goes with"):
        SeenImage(artefact=ARTEFACT, why=Sighting.DECISION, tenant=tenant, environment=environment)
