from assay_builder.locking.dirhash import hash_module_file, hash_module_zip
from assay_builder.module_zip import ModuleZip
from assay_builder.plan.module import Module
from tests.fakes.build import pack_module


def test_a_module_file_has_the_hash_that_go_records() -> None:
    content = b"module filippo.io/edwards25519\n\ngo 1.24.0\n"
    assert hash_module_file(content) == "h1:xzAOLCNug/yB62zG1bQ8uziwrIqIuxhctzJT18Q77mc="


def test_the_hash_of_a_zip_depends_on_names_and_contents_only() -> None:
    module = Module(path="example.org/a", version="v1.0.0")
    one = hash_module_zip(ModuleZip(pack_module(module, {"a": b"1", "b": b"2"}), prefix=module.prefix))
    other = hash_module_zip(ModuleZip(pack_module(module, {"b": b"2", "a": b"1"}), prefix=module.prefix))
    changed = hash_module_zip(ModuleZip(pack_module(module, {"a": b"1", "c": b"2"}), prefix=module.prefix))
    assert one == other != changed
    assert one.startswith("h1:")
