package assay.rule.sbom_test

import data.assay.rule.sbom

digest := "sha256:aa"

outer := "sha256:ff"

attested(keyid, names) := {"keyid": keyid, "trust": names, "bound_to": digest}

document(attestations, entries) := {
	"request": {"tenant": "t", "environment": "e"},
	"image": {"digest": digest, "indexes": [outer]},
	"attestations": attestations,
	"sbom": entries,
}

demand(threshold) := {"t": {"e": {"authorities": {"sbom": {"names": ["ci"], "at_least": [{"names": ["ci"], "count": threshold}]}}}}}

full := {"attestation": 0, "packages": [{"id": "p"}]}

good := document([attested("k1", ["ci"])], [full])

codes := {found.code | some found in sbom.deny}

test_a_signed_sbom_with_packages_is_enough if {
	count(sbom.deny) == 0 with input as good with data.rule_data as demand(1)
	sbom.holds["sbom.found"] with input as good with data.rule_data as demand(1)
	sbom.checked["sbom.found"] == 1 with input as good with data.rule_data as demand(1)
}

test_no_sbom_is_denied if {
	codes == {"sbom.found"} with input as document([], []) with data.rule_data as demand(1)
}

test_an_empty_sbom_is_denied if {
	empty := document(good.attestations, [{"attestation": 0, "packages": []}])
	codes == {"sbom.found"} with input as empty with data.rule_data as demand(1)
}

test_an_sbom_of_another_authority_is_denied if {
	other := document([attested("k1", ["other"])], [full])
	codes == {"sbom.found"} with input as other with data.rule_data as demand(1)
}

test_an_sbom_of_another_image_is_denied if {
	moved := document([object.union(attested("k1", ["ci"]), {"bound_to": "sha256:bb"})], [full])
	codes == {"sbom.found"} with input as moved with data.rule_data as demand(1)
}

test_the_threshold_counts_keys if {
	codes == {"sbom.found"} with input as good with data.rule_data as demand(2)
	codes == {"sbom.found"} with input as good with data.rule_data as demand(0)
}

test_a_tenant_without_rule_data_is_denied if {
	codes == {"sbom.found"} with input as good with data.rule_data as {}
}
