package assay.rule.provenance_test

import data.assay.rule.provenance

digest := "sha256:aa"

outer := "sha256:ff"

attested(keyid, names) := {"keyid": keyid, "trust": names, "bound_to": digest}

statement(number, builder, source) := {"attestation": number, "builder": {"id": builder}, "source": source}

good_source := {"uri": "git+https://host.example/acme/app", "commit": "c0ffee", "digest": ""}

document(attestations, entries) := {
	"request": {"tenant": "t", "environment": "e"},
	"image": {"digest": digest, "indexes": [outer]},
	"attestations": attestations,
	"provenance": entries,
}

demand(threshold) := {"t": {"e": {
	"authorities": {"provenance": {"names": ["ci"], "at_least": [{"names": ["ci"], "count": threshold}]}},
	"builder_ids": ["https://builder.example/v1"],
	"source_prefixes": ["git+https://host.example/acme/"],
}}}

good := document([attested("k1", ["ci"])], [statement(0, "https://builder.example/v1", good_source)])

with_source(source) := document([attested("k1", ["ci"])], [statement(0, "https://builder.example/v1", source)])

codes := {found.code | some found in provenance.deny}

both := {"provenance.builder", "provenance.source"}

test_accepted_builder_and_source_are_enough if {
	count(provenance.deny) == 0 with input as good with data.rule_data as demand(1)
	object.keys(provenance.holds) == both with input as good with data.rule_data as demand(1)
	provenance.checked == {"provenance.builder": 1, "provenance.source": 1} with input as good
		with data.rule_data as demand(1)
}

test_no_provenance_is_denied if {
	codes == both with input as document([], []) with data.rule_data as demand(1)
	count(provenance.holds) == 0 with input as document([], []) with data.rule_data as demand(1)
}

test_provenance_of_another_authority_is_denied if {
	other := document([attested("k1", ["other"])], good.provenance)
	codes == both with input as other with data.rule_data as demand(1)
}

test_provenance_of_another_image_is_denied if {
	moved := document([object.union(attested("k1", ["ci"]), {"bound_to": "sha256:bb"})], good.provenance)
	codes == both with input as moved with data.rule_data as demand(1)
}

test_another_builder_is_denied_and_does_not_vouch_for_the_source if {
	other := document(good.attestations, [statement(0, "https://builder.example/v2", good_source)])
	codes == both with input as other with data.rule_data as demand(1)
}

test_builder_and_source_of_different_statements_do_not_add_up if {
	mixed := document([attested("k1", ["ci"]), attested("k2", ["ci"])], [
		statement(0, "https://builder.example/v1", {"uri": "git+https://evil.example/x", "commit": "c", "digest": ""}),
		statement(1, "https://builder.example/v2", good_source),
	])
	codes == {"provenance.source"} with input as mixed with data.rule_data as demand(1)
}

test_a_source_outside_the_prefix_is_denied if {
	outside := with_source({"uri": "git+https://host.example/acme-evil/app", "commit": "c", "digest": ""})
	codes == {"provenance.source"} with input as outside with data.rule_data as demand(1)
}

test_a_source_without_revision_is_denied if {
	unpinned := with_source({"uri": "git+https://host.example/acme/app", "commit": "", "digest": ""})
	codes == {"provenance.source"} with input as unpinned with data.rule_data as demand(1)
}

test_a_digest_stands_for_a_commit if {
	by_digest := with_source({"uri": "git+https://host.example/acme/app", "commit": "", "digest": "sha256:cc"})
	count(provenance.deny) == 0 with input as by_digest with data.rule_data as demand(1)
}

test_the_threshold_counts_keys if {
	same := document([attested("k1", ["ci"]), attested("k1", ["ci"])], [
		statement(0, "https://builder.example/v1", good_source),
		statement(1, "https://builder.example/v1", good_source),
	])
	codes == both with input as same with data.rule_data as demand(2)
	codes == both with input as good with data.rule_data as demand(0)
}

test_a_tenant_without_rule_data_is_denied if {
	codes == both with input as good with data.rule_data as {}
}
