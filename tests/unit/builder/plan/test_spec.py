import pytest

from assay.domain.errors import InvalidInput
from assay_builder.plan.spec import ImageFile, Package, parse_spec
from tests.fakes.build import LIBRARY, SOURCE, SPEC, TOOLCHAIN

CHANGES = [
    ("name: demo", "name: Demo", "spec_malformed", "name"),
    ("version: 1.0.0", "version: ''", "spec_malformed", "version"),
    ("supplier: Example", "supplier: [x]", "spec_malformed", "supplier"),
    ("supplier: Example", "publisher: Example", "spec_malformed", "supplier"),
    ("supplier: Example", "supplier: Example\nextra: 1", "spec_malformed", "extra"),
    ("version: v1.0.0", "version: latest", "module_malformed", "latest"),
    ("go_module: example.org/demo", "go_module: demo", "module_malformed", "demo"),
    ("go: 1.26.11", "go: 1.26", "module_malformed", "1.26"),
    ("example.org/demo/cmd/demo, output", "example.com/demo, output", "spec_malformed", "build.packages[0].package"),
    ("example.org/demo/cmd/demo, output", "example.org/demo/../x, output", "spec_malformed", "import path"),
    ("output: demo", "output: ../demo", "spec_malformed", "output"),
    ("[{package: example.org/demo/cmd/demo, output: demo}]", "[]", "spec_malformed", "nothing is to be built"),
    ("[{package: example.org/demo/cmd/demo, output: demo}]", "text", "spec_malformed", "a list"),
    ("output: demo}]", "output: demo}, {package: example.org/demo/x, output: demo}]", "spec_malformed", "same name"),
    ("output: demo}]", "output: demo}, {package: example.org/demo/b/demo, output: x}]", "spec_malformed", "same name"),
    ("-buildid=", "-extld=/bin/sh", "spec_malformed", "ldflags"),
    ("user: 65532", "user: 0", "spec_malformed", "never runs as root"),
    ("user: 65532", "user: root", "spec_malformed", "whole number"),
    ("user: 65532", "user: 99999999999", "spec_malformed", "whole number"),
    ("entrypoint: [/usr/bin/demo]", "entrypoint: [demo]", "spec_malformed", "absolute path"),
    ("entrypoint: [/usr/bin/demo]", "cmd: [demo]", "spec_malformed", "absolute path"),
    ("user: 65532", "user: 65532, environment: {'A B': x}", "spec_malformed", "environment"),
    ("user: 65532", "user: 65532, environment: [x]", "spec_malformed", "mapping"),
    ("user: 65532", "user: 65532, labels: {'A B': x}", "spec_malformed", "labels"),
    ("user: 65532", "user: 65532, files: [{path: /a, mode: '4755', text: x}]", "spec_malformed", "mode"),
    ("user: 65532", "user: 65532, files: [{path: /../a, mode: '0644', text: x}]", "spec_malformed", "path"),
    ('tags: ["1.0.0"]', 'tags: ["a b"]', "spec_malformed", "publish.tags"),
    ("registry.example/demo", "registry.example/Demo", "reference_malformed", "Demo"),
    ("environment: demo", "environment: demo\npolicy: {}", "yaml_malformed", "policy"),
    ("environment: demo", "environment: A", "spec_malformed", "policy.environment"),
]


def test_a_specification_says_what_is_built() -> None:
    spec = parse_spec(SPEC)
    assert (spec.source, spec.toolchain, spec.go_release) == (SOURCE, TOOLCHAIN, "1.26.11")
    assert spec.packages == (Package(path="example.org/demo/cmd/demo", output="demo"),)
    assert spec.ldflags == ("-s", "-w", "-buildid=")
    assert (spec.image.user, spec.epoch, spec.environment) == (65532, 1788025219, "demo")
    assert (str(spec.repository), spec.publish_tags) == ("registry.example/demo", ("1.0.0",))


@pytest.mark.parametrize(("old", "new", "code", "names"), CHANGES)
def test_one_defect_is_refused_and_named(old: str, new: str, code: str, names: str) -> None:
    text = SPEC.decode()
    assert text.count(old) >= 1
    with pytest.raises(InvalidInput) as caught:
        parse_spec(text.replace(old, new, 1).encode())
    assert caught.value.code == code
    assert names in caught.value.message


def test_everything_optional_may_be_said() -> None:
    changed = SPEC.replace(
        b"user: 65532,",
        b"user: 65532, cmd: [--help], environment: {B: '2', A: '1'}, labels: {a.b: c}, "
        b"files: [{path: /etc/motd, mode: '0644', text: hello}],",
    ).replace(b"ldflags: [-s, -w, -buildid=]", b"tags: [netgo]")
    spec = parse_spec(changed)
    assert spec.image.command == ("--help",)
    assert spec.image.environment == (("A", "1"), ("B", "2"))
    assert spec.image.files == (ImageFile(path="/etc/motd", mode=0o644, text="hello"),)
    assert (spec.tags, spec.ldflags) == (("netgo",), ())


def test_nothing_has_to_be_published() -> None:
    spec = parse_spec(SPEC.replace(b'publish: {repository: registry.example/demo, tags: ["1.0.0"]}\n', b""))
    assert (spec.repository, spec.publish_tags) == (None, ())


def test_tags_need_no_repository() -> None:
    spec = parse_spec(SPEC.replace(b"repository: registry.example/demo, ", b""))
    assert (spec.repository, spec.publish_tags) == (None, ("1.0.0",))


def test_a_document_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_spec(b"- a")
    assert (caught.value.code, caught.value.message) == ("spec_malformed", "the document: a mapping is expected")


def test_upper_case_is_escaped_for_the_proxy() -> None:
    module = type(LIBRARY)(path="example.net/Big/Library", version="v1.0.0-RC.1+incompatible")
    assert module.mod_path == "example.net/!big/!library/@v/v1.0.0-!r!c.1+incompatible.mod"
    assert module.purl == "pkg:golang/example.net/Big/Library@v1.0.0-RC.1%2Bincompatible"
