import json

from assay.domain.digest import Digest
from assay_builder.image.image import make_image
from assay_builder.image.layer import make_layer
from assay_builder.image.rootfs import Entry
from assay_builder.plan.spec import ImageSpec

SPEC = ImageSpec(
    user=65532,
    entrypoint=("/usr/bin/demo",),
    command=("--help",),
    environment=(("LANG", "C"),),
    labels=(),
    files=(),
)
LAYER = make_layer([Entry(path="a", mode=0o644, content=b"a")], epoch=0)


def test_the_manifest_names_configuration_and_layer_by_digest() -> None:
    image = make_image(SPEC, LAYER, labels={"b": "2", "a": "1"}, epoch=0)
    manifest, config = json.loads(image.manifest.octets), json.loads(image.config.octets)
    assert manifest["config"]["digest"] == str(Digest.of(image.config.octets))
    assert manifest["layers"][0]["digest"] == str(Digest.of(LAYER.content))
    assert manifest["annotations"] == config["config"]["Labels"] == {"a": "1", "b": "2"}
    assert config["rootfs"]["diff_ids"] == [str(LAYER.diff_id)]
    assert config["config"]["User"] == "65532"
    assert config["config"]["Env"] == ["LANG=C", "PATH=/usr/bin"]
    assert (config["config"]["Cmd"], config["created"]) == (["--help"], "1970-01-01T00:00:00Z")


def test_the_bytes_are_canonical() -> None:
    image = make_image(SPEC, LAYER, labels={}, epoch=0)
    assert (
        image.manifest.octets
        == json.dumps(json.loads(image.manifest.octets), sort_keys=True, separators=(",", ":")).encode()
    )
    assert image.digest == image.manifest.digest
