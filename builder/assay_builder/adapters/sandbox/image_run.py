"""Starting an image's program in a root made of its layer."""

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

from assay.domain.errors import InvalidInput
from assay_builder.adapters.sandbox.bubblewrap import Bind, Bubblewrap, Confined
from assay_builder.adapters.sandbox.scratch import writable_folder
from assay_builder.confinement import Completed
from assay_builder.image.image import Image

_SECONDS = 60.0
_LARGEST_OUTPUT = 16 * 1024 * 1024


def run_image(bubblewrap: Bubblewrap, scratch: Path, image: Image, arguments: Sequence[str]) -> Completed:
    """Unpack the layer and run the entrypoint with these arguments, as the image's user.

    Raises `InvalidInput(image_unusable)` for a layer or configuration that the builder would not have written.
    """
    root = writable_folder(scratch / "root")
    try:
        execution = json.loads(image.config.octets)["config"]
        with tarfile.open(fileobj=io.BytesIO(image.layer.octets), mode="r:gz") as layer:
            layer.extractall(root, filter="data")
        return bubblewrap.run(
            Confined(
                command=(*execution["Entrypoint"], *arguments),
                binds=(Bind(source=root, target="/", writable=True),),
                environment=dict(item.split("=", 1) for item in execution["Env"]),
                folder=execution["WorkingDir"],
                user=int(execution["User"]),
                seconds=_SECONDS,
                largest_output=_LARGEST_OUTPUT,
            )
        )
    except (tarfile.TarError, KeyError, TypeError, ValueError, OSError) as error:
        raise InvalidInput(
            "image_unusable", f"the image {image.digest} cannot be started: {error}", remedy="build it again"
        ) from error
