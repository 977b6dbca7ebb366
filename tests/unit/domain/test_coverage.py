"""What a webhook covers."""

import pytest

from assay.domain.api_type import GroupVersionKind
from assay.domain.coverage import Coverage, CustomResource
from assay.domain.field_path import FieldPath

IMAGE = FieldPath.parse("spec.image")


def _custom(group: str = "example.com", *, images: tuple[FieldPath, ...] = (IMAGE,)) -> CustomResource:
    kind = GroupVersionKind(group=group, version="v1", kind="App")
    return CustomResource(kind=kind, resource="apps", images=images)


def test_a_custom_resource_knows_where_its_images_are() -> None:
    assert _custom().kind.api_version == "example.com/v1"
    assert GroupVersionKind(group="", version="v1", kind="Pod").api_version == "v1"


def test_a_kind_of_the_core_group_or_without_paths_is_no_custom_resource() -> None:
    with pytest.raises(ValueError, match="core group"):
        _custom("")
    with pytest.raises(ValueError, match="never be judged"):
        _custom(images=())


def test_a_kind_is_described_once() -> None:
    assert Coverage(custom_resources=(_custom(), _custom("other.example.com")))
    with pytest.raises(ValueError, match="described once"):
        Coverage(custom_resources=(_custom(), _custom()))
