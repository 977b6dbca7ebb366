"""SLSA provenance v1 (https://slsa.dev/spec/v1.0/provenance)."""

import re
from collections.abc import Mapping

from assay.domain.provenance import Material, Provenance
from assay.formats.open_object import OpenObject

PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
_LONGEST_URI = 8192
_DIGESTS = {
    "sha1": re.compile(r"[0-9a-f]{40}"),
    "gitCommit": re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}"),
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "sha384": re.compile(r"[0-9a-f]{96}"),
    "sha512": re.compile(r"[0-9a-f]{128}"),
}


def parse_provenance(predicate: Mapping[str, object], *, most_materials: int) -> Provenance:
    """Parse the predicate of a provenance v1 attestation.

    The source is the one dependency named `source`, else the first whose URI begins with `git+` and whose digest has
    a commit; several named `source` are none. Not checked: that the signer may speak for the builder, and anything
    about the external parameters. Raises `InvalidInput(provenance_malformed)`.
    """
    statement = OpenObject(predicate, place="provenance", code="provenance_malformed")
    definition = statement.section("buildDefinition")
    definition.optional_section("externalParameters")
    details = statement.section("runDetails")
    builder = details.section("builder")
    builder_id = builder.text("id", "", longest=2048)
    if " " in builder_id:
        raise builder.refuse("id", "a URI is expected")
    entries = definition.sections("resolvedDependencies")
    if len(entries) > most_materials:
        raise definition.refuse("resolvedDependencies", f"more than {most_materials} entries")
    materials = tuple(_material(entry) for entry in entries)
    return Provenance(
        builder_id=builder_id,
        build_type=definition.text("buildType", longest=2048),
        invocation_id=details.optional_section("metadata").text("invocationId", "", longest=_LONGEST_URI),
        source=_source(materials),
        materials=materials,
    )


def _material(entry: OpenObject) -> Material:
    digests = entry.text_map("digest")
    for algorithm, value in digests:
        form = _DIGESTS.get(algorithm)
        if form is not None and not form.fullmatch(value):
            raise entry.refuse(f"digest.{algorithm[:32]}", "lower-case hex of the algorithm's length is expected")
    uri = entry.text("uri", "", longest=_LONGEST_URI)
    if not uri and not digests and not entry.has("content"):
        raise entry.refuse("", "one of uri, digest and content is expected")
    return Material(name=entry.text("name", ""), uri=uri, digests=digests)


def _source(materials: tuple[Material, ...]) -> Material | None:
    named = [material for material in materials if material.name == "source"]
    if named:
        return named[0] if len(named) == 1 else None
    return next((item for item in materials if item.uri.startswith("git+") and item.commit), None)
