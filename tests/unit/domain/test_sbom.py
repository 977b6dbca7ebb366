"""What an SBOM's package says of its licence."""

import pytest

from assay.domain.sbom import Package


@pytest.mark.parametrize(
    ("declared", "concluded", "effective"),
    [
        ("MIT", "NOASSERTION", "MIT"),
        ("NOASSERTION", "MIT", "MIT"),
        ("MIT", "MIT", "MIT"),
        ("NOASSERTION", "NOASSERTION", "NOASSERTION"),
        ("MIT", "GPL-3.0-only", "(GPL-3.0-only) AND (MIT)"),
    ],
)
def test_both_licences_count_where_they_differ(declared: str, concluded: str, effective: str) -> None:
    assert Package(id="p", name="p", declared=declared, concluded=concluded).effective == effective


def test_a_package_without_id_is_refused() -> None:
    with pytest.raises(ValueError, match="needs an id"):
        Package(id="", name="p")
    assert Package(id="p", name="").name == ""
