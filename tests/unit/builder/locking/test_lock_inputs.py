import json

import pytest

from assay.domain.errors import InvalidInput
from assay_builder.locking.lock_inputs import LockParts, lock_inputs
from assay_builder.plan.lock import Lock
from tests.fakes.build import LIBRARY, SOURCE, SPEC, FakeBuildWorld, pack_module
from tests.fakes.checksum_database import DATABASE_KEY, RecordingProxy


@pytest.fixture
def world() -> FakeBuildWorld:
    return FakeBuildWorld()


def lock(world: FakeBuildWorld) -> Lock:
    return lock_inputs(
        SPEC,
        LockParts(
            fetcher=RecordingProxy(world),
            store=world.store,
            sandbox=world.sandbox,
            progress=world.parts().progress,
            checksum_database=DATABASE_KEY,
        ),
    )


def refuse(world: FakeBuildWorld) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        lock(world)
    return caught.value


def test_every_needed_input_is_locked_and_stored(world: FakeBuildWorld) -> None:
    assert lock(world) == world.lock
    assert set(world.store.content) == {item.digest for item in world.lock.inputs}
    assert world.steps[-1][0] == "modules"


def test_a_module_that_is_not_linked_is_not_locked(world: FakeBuildWorld) -> None:
    lines = world.workshop.answers["list"][1].splitlines(keepends=True)
    world.workshop.answers["list"] = (0, b"".join(line for line in lines if b"library\tfalse" not in line), b"")
    locked = lock(world)
    assert [item.name for item in world.lock.inputs if item not in locked.inputs] == [f"module {LIBRARY}"]


def test_a_module_with_another_hash_than_go_sum_records_is_refused(world: FakeBuildWorld) -> None:
    world.proxy.files[LIBRARY.zip_path] = pack_module(LIBRARY, {"go.mod": b"", "evil.go": b""})
    error = refuse(world)
    assert (error.code, str(LIBRARY) in error.message) == ("module_hash_mismatch", True)


def test_a_module_file_with_another_hash_is_refused(world: FakeBuildWorld) -> None:
    world.proxy.files[LIBRARY.mod_path] = b"module evil\n"
    assert refuse(world).code == "module_hash_mismatch"


@pytest.mark.parametrize(
    "answer", [{"Module": {}, "Replace": [{"Old": {}}]}, {"Module": {}, "Require": [{"Path": "x"}]}, {"Other": 1}]
)
def test_a_source_that_is_not_understood_is_refused(world: FakeBuildWorld, answer: dict[str, object]) -> None:
    world.workshop.answers["mod"] = (0, json.dumps(answer).encode(), b"")
    assert refuse(world).code == "source_unsupported"


def test_a_source_without_requirements_needs_no_modules(world: FakeBuildWorld) -> None:
    world.workshop.answers["mod"] = (0, b'{"Module": {}}', b"")
    world.workshop.answers["list"] = (0, b"example.org/demo/cmd/demo\tfalse\texample.org/demo\t\ttrue\t\n", b"")
    lock(world)
    assert LIBRARY.zip_path not in world.proxy.asked


def test_a_source_without_go_sum_needs_no_modules(world: FakeBuildWorld) -> None:
    source = pack_module(SOURCE, {"go.mod": b"module example.org/demo\n"})
    world.zips[SOURCE] = world.proxy.files[SOURCE.zip_path] = source
    world.workshop.answers["mod"] = (0, b'{"Module": {}, "Require": null}', b"")
    world.workshop.answers["list"] = (0, b"example.org/demo/cmd/demo\tfalse\texample.org/demo\t\ttrue\t\n", b"")
    lock(world)
    assert world.workshop.offered == {}


def test_a_go_command_that_fails_is_an_error_with_its_log(world: FakeBuildWorld) -> None:
    world.workshop.answers["list"] = (1, b"", b"missing go.sum entry")
    error = refuse(world)
    assert (error.code, "missing go.sum entry" in error.message) == ("build_failed", True)


def test_a_source_that_the_checksum_database_does_not_record_is_refused(world: FakeBuildWorld) -> None:
    world.proxy.files[SOURCE.zip_path] = pack_module(SOURCE, {"go.mod": b"module evil\n"})
    error = refuse(world)
    assert (error.code, str(SOURCE) in error.message) == ("module_hash_mismatch", True)
