"""Whatever the bytes, the builder's parsers either understand them or refuse them with a typed error."""

import contextlib
import gzip
import io
import tarfile

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.domain.digest import Digest
from assay.domain.errors import AssayError, InvalidInput
from assay_builder.describe.licence_text import LicenceTexts, find_licence, word_pairs
from assay_builder.describe.listing import parse_build_information, parse_listing
from assay_builder.image.layer import make_layer
from assay_builder.image.rootfs import Entry
from assay_builder.locking.checksum_database import verify_module_hash
from assay_builder.locking.go_sum import parse_go_sum
from assay_builder.module_zip import ModuleZip
from assay_builder.plan.lock import InputKind, Lock, LockedInput, parse_lock, render_lock
from assay_builder.plan.module import Module
from assay_builder.plan.spec import parse_spec
from tests.fakes.build import LIBRARY, SOURCE, SPEC, TOOLCHAIN, FakeBuildWorld, pack_module
from tests.fakes.checksum_database import FakeChecksumDatabase

WORLD = FakeBuildWorld()
LOCK = render_lock(WORLD.lock)
ZIP = WORLD.zips[LIBRARY]
H1 = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

names = st.from_regex(r"[a-z][a-z0-9]{0,8}\.(org|example)/[A-Za-z][A-Za-z0-9]{0,8}", fullmatch=True)
modules = st.builds(
    lambda path, patch: Module(path=path, version=f"v1.0.{patch}"), names, st.integers(min_value=0, max_value=9)
)
file_names = st.from_regex(r"[A-Za-z0-9._-]{1,60}(/[A-Za-z0-9_-]{1,90}){0,1}", fullmatch=True)


def damaged(octets: bytes) -> st.SearchStrategy[bytes]:
    """The bytes with a piece replaced by others."""
    places = st.integers(min_value=0, max_value=len(octets))
    return st.builds(
        lambda at, length, piece: octets[:at] + piece + octets[at + length :],
        places,
        st.integers(min_value=0, max_value=20),
        st.binary(max_size=20),
    )


@given(octets=damaged(SPEC))
def test_a_damaged_specification_is_read_or_refused(octets: bytes) -> None:
    with contextlib.suppress(InvalidInput):
        parse_spec(octets)


@given(octets=damaged(LOCK))
def test_a_damaged_lock_is_refused_or_round_trips(octets: bytes) -> None:
    with contextlib.suppress(InvalidInput):
        lock = parse_lock(octets)
        assert parse_lock(render_lock(lock)) == lock


@given(chosen=st.sets(modules, max_size=5), size=st.integers(min_value=1, max_value=10**6))
def test_every_lock_round_trips(chosen: set[Module], size: int) -> None:
    wanted = [(InputKind.TOOLCHAIN, TOOLCHAIN), (InputKind.SOURCE, SOURCE)]
    wanted += [(kind, module) for module in chosen for kind in (InputKind.MODULE, InputKind.MODULE_FILE)]
    inputs = [
        LockedInput(kind=kind, module=module, size=size, digest=Digest.of(str(module).encode()), h1=H1)
        for kind, module in wanted
    ]
    lock = Lock(spec=Digest.of(b""), inputs=tuple(sorted(inputs, key=lambda item: item.path)))
    assert parse_lock(render_lock(lock)) == lock


@given(octets=damaged(ZIP) | st.binary(max_size=200))
def test_a_damaged_zip_is_read_or_refused(octets: bytes) -> None:
    with contextlib.suppress(InvalidInput):
        archive = ModuleZip(octets, prefix=LIBRARY.prefix)
        for name in archive.names():
            archive.read(name)


@given(files=st.dictionaries(st.from_regex(r"[a-z]{1,8}\.go", fullmatch=True), st.binary(max_size=50), max_size=5))
def test_every_module_zip_round_trips(files: dict[str, bytes]) -> None:
    archive = ModuleZip(pack_module(LIBRARY, files), prefix=LIBRARY.prefix)
    assert {name: archive.read(name) for name in archive.names()} == files


@given(octets=st.binary(max_size=300) | damaged(f"{LIBRARY.path} {LIBRARY.version} {H1}\n".encode()))
def test_a_go_sum_is_read_or_refused(octets: bytes) -> None:
    with contextlib.suppress(InvalidInput):
        parse_go_sum(octets)


@given(octets=damaged(WORLD.workshop.answers["list"][1]))
def test_a_listing_is_read_or_refused(octets: bytes) -> None:
    with contextlib.suppress(InvalidInput):
        parse_listing(octets, source=SOURCE)


@given(octets=damaged(WORLD.build_information()))
def test_build_information_is_read_or_refused(octets: bytes) -> None:
    with contextlib.suppress(InvalidInput):
        parse_build_information(octets)


@settings(max_examples=50)
@given(data=st.data())
def test_a_damaged_answer_of_the_checksum_database_proves_nothing_else(data: st.DataObject) -> None:
    database = FakeChecksumDatabase(LIBRARY, H1, size=3, at=1)

    def fetch(path: str) -> bytes:
        return data.draw(damaged(database.fetch(path)))

    with contextlib.suppress(AssayError):
        verify_module_hash(LIBRARY, H1, fetch=fetch, verifier_key=database.verifier_key)
    try:
        verify_module_hash(LIBRARY, "h1:other", fetch=fetch, verifier_key=database.verifier_key)
    except InvalidInput:
        return
    raise AssertionError("a hash was proven that nobody recorded")


@given(files=st.dictionaries(file_names, st.binary(max_size=1100), max_size=4))
def test_every_layer_can_be_read_by_tar(files: dict[str, bytes]) -> None:
    entries = [Entry(path=path, mode=0o644, content=content) for path, content in sorted(files.items())]
    layer = make_layer(entries, epoch=1)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer.content))) as archive:
        found = {item.name: getattr(archive.extractfile(item), "read", bytes)() for item in archive.getmembers()}
    assert found == files


@given(text=st.text(max_size=400))
def test_likeness_stays_between_nothing_and_all(text: str) -> None:
    likeness = find_licence(text, LicenceTexts(origin="", pairs=(("A", word_pairs("some words of a licence")),)))
    assert likeness.score <= 1
    assert likeness.added >= 0
