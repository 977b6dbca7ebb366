package assay.rule.signature_test

import data.assay.rule.signature

digest := "sha256:aa"

outer := "sha256:ff"

signed_by(keyid, names) := {"bound_to": digest, "keyid": keyid, "trust": names}

document(signatures) := {
	"request": {"tenant": "t", "environment": "e"},
	"image": {"digest": digest, "indexes": [outer]},
	"signatures": signatures,
}

demand(threshold) := {"t": {"e": {"authorities": {"signature": {"names": ["release"], "at_least": [{"names": ["release"], "count": threshold}]}}}}}

codes := {found.code | some found in signature.deny}

test_a_named_authority_is_enough if {
	signature.holds["signature.authority"] with input as document([signed_by("k1", ["release"])])
		with data.rule_data as demand(1)
	count(signature.deny) == 0 with input as document([signed_by("k1", ["release"])]) with data.rule_data as demand(1)
}

test_an_unsigned_image_is_denied if {
	codes == {"signature.authority"} with input as document([]) with data.rule_data as demand(1)
	not signature.holds["signature.authority"] with input as document([]) with data.rule_data as demand(1)
}

test_another_authority_is_denied if {
	codes == {"signature.authority"} with input as document([signed_by("k1", ["other"])])
		with data.rule_data as demand(1)
}

test_a_signature_of_another_image_is_denied if {
	elsewhere := object.union(signed_by("k1", ["release"]), {"bound_to": "sha256:bb"})
	codes == {"signature.authority"} with input as document([elsewhere]) with data.rule_data as demand(1)
}

test_a_signature_of_the_index_counts_for_what_it_lists if {
	signed := document([object.union(signed_by("k1", ["release"]), {"bound_to": outer})])
	signature.holds["signature.authority"] with input as signed with data.rule_data as demand(1)
}

test_a_key_counts_once if {
	twice := document([signed_by("k1", ["release"]), signed_by("k1", ["release"])])
	codes == {"signature.authority"} with input as twice with data.rule_data as demand(2)
	both := document([signed_by("k1", ["release"]), signed_by("k2", ["release"])])
	signature.holds["signature.authority"] with input as both with data.rule_data as demand(2)
}

test_a_threshold_of_zero_is_not_met if {
	codes == {"signature.authority"} with input as document([]) with data.rule_data as demand(0)
}

test_a_tenant_without_rule_data_is_denied if {
	codes == {"signature.authority"} with input as document([signed_by("k1", ["release"])]) with data.rule_data as {}
}

test_every_signature_is_counted if {
	both := document([signed_by("k1", ["release"]), signed_by("k2", ["other"])])
	signature.checked["signature.authority"] == 2 with input as both with data.rule_data as demand(1)
}
