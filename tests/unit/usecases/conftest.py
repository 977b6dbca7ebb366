"""What the use cases that decide are tested with."""

from collections.abc import Iterator

import pytest

from assay.domain.digest import Digest
from tests.fakes.engine import good_bundles, publish
from tests.fakes.oci import image
from tests.fakes.registry import FakeRegistry
from tests.fakes.signing import FakeAuthority


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """The small image twice: as `app` with everything beside it that is asked for, as `bare` with nothing."""
    with FakeRegistry.start() as fake:
        publish(fake, "app", good_bundles(FakeAuthority(), Digest.of(image())))
        publish(fake, "bare", {})
        yield fake
