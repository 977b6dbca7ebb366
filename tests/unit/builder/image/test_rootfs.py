import pytest

from assay.domain.errors import InvalidInput
from assay_builder.image.rootfs import LicenceFile, Program, make_rootfs
from assay_builder.plan.spec import ImageFile

PROGRAM = Program(name="demo", content=b"ELF")
LICENCE = LicenceFile(module="example.net/library", path="LICENSE", content=b"text")


def test_the_root_has_programs_accounts_licences_and_every_folder_above_them() -> None:
    entries = make_rootfs(
        user=1234, programs=[PROGRAM], licences=[LICENCE], files=[ImageFile(path="/etc/motd", mode=0o444, text="hi")]
    )
    shown = {entry.path: (entry.mode, entry.content) for entry in entries}
    assert list(shown) == sorted(shown)
    assert shown["usr/bin/demo"] == (0o755, b"ELF")
    assert shown["usr/share/licences/example.net/library/LICENSE"] == (0o644, b"text")
    assert shown["usr/share/licences/example.net"] == (0o755, None)
    assert shown["tmp"] == (0o1777, None)
    assert shown["etc/motd"] == (0o444, b"hi")
    assert b"nonroot:x:1234:1234:" in (shown["etc/passwd"][1] or b"")


@pytest.mark.parametrize("path", ["/usr/bin/demo", "/usr/bin", "/etc/passwd/x", "/tmp"])  # noqa: S108  # a path of the image
def test_two_things_that_want_one_path_are_refused(path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make_rootfs(user=1, programs=[PROGRAM], licences=[], files=[ImageFile(path=path, mode=0o444, text="")])
    assert caught.value.code == "image_path_conflict"
