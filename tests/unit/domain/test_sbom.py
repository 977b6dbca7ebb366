import pytest

from assay.domain.sbom import NOASSERTION, Package


@pytest.mark.parametrize(
    ("concluded", "declared", "effective"),
    [
        (NOASSERTION, NOASSERTION, NOASSERTION),
        ("", "", NOASSERTION),
        ("MIT", NOASSERTION, "MIT"),
        ("", "MIT", "MIT"),
        ("MIT", "MIT", "MIT"),
        ("MIT", "GPL-3.0-only OR MIT", "(MIT) AND (GPL-3.0-only OR MIT)"),
    ],
)
def test_the_stricter_of_two_licences_counts(concluded: str, declared: str, effective: str) -> None:
    assert Package(id="p", name="p", concluded=concluded, declared=declared).effective == effective


def test_a_package_without_id_cannot_be_built() -> None:
    assert Package(id="p", name="")
    with pytest.raises(ValueError, match="an id"):
        Package(id="", name="p")
