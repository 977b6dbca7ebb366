package assay.main_test

import data.assay.main

digest := "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

configured := {"t": {"e": {
	"authorities": {"signature": {"names": ["ci"], "at_least": [{"names": ["ci"], "count": 1}]}},
	"allowed_registries": ["reg.example"],
	"mandatory": {"evidence": ["signature.authority"], "request": ["registry.allowed", "evidence.allowed"]},
}}}

question := {"request": {"tenant": "t", "environment": "e"}, "context": {"time_s": 100}}

evidence(trust) := object.union(question, {
	"image": {"digest": digest, "indexes": []},
	"signatures": [{"bound_to": digest, "keyid": "k", "trust": trust}],
	"attestations": [],
	"provenance": [],
	"sbom": [],
})

image(key, host) := {
	"key": key,
	"ref": key,
	"registry": host,
	"repository": "app",
	"digest": digest,
	"verdict": "allow",
	"stale_seconds": 0,
}

request(hosts) := object.union(question, {"images": [image(host, host) | some host in hosts]})

test_proven_evidence_is_allowed if {
	answer := main.evidence with input as evidence(["ci"]) with data.rule_data as configured
	answer.allow == true
	answer.holds["signature.authority"] == true
	answer.checked["signature.authority"] == 1
}

test_a_finding_of_a_rule_that_is_not_mandatory_does_not_deny if {
	answer := main.evidence with input as evidence(["ci"]) with data.rule_data as configured
	"sbom.found" in {found.code | some found in answer.findings}
}

test_unproven_evidence_is_denied if {
	answer := main.evidence with input as evidence(["other"]) with data.rule_data as configured
	answer.allow == false
}

test_a_tenant_nobody_configured_is_denied if {
	answer := main.evidence with input as evidence(["ci"]) with data.rule_data as {}
	answer.allow == false
}

test_an_environment_that_demands_nothing_is_denied if {
	nothing := {"t": {"e": object.union(configured.t.e, {"mandatory": {"evidence": [], "request": []}})}}
	answer := main.evidence with input as evidence(["ci"]) with data.rule_data as nothing
	answer.allow == false
}

test_a_code_that_no_rule_has_is_never_proven if {
	unknown := {"t": {"e": object.union(configured.t.e, {"mandatory": {"evidence": ["no.rule"], "request": []}})}}
	answer := main.evidence with input as evidence(["ci"]) with data.rule_data as unknown
	answer.allow == false
}

test_a_proven_request_is_allowed_image_by_image if {
	answer := main.request with input as request(["reg.example"]) with data.rule_data as configured
	answer.allow == true
	answer.images == {"reg.example": true}
}

test_one_bad_image_denies_the_request_and_is_named if {
	answer := main.request with input as request(["reg.example", "other.example"]) with data.rule_data as configured
	answer.allow == false
	answer.images == {"reg.example": true, "other.example": false}
}

test_a_request_without_images_is_denied if {
	answer := main.request with input as request([]) with data.rule_data as configured
	answer.allow == false
}

test_no_image_is_clean_for_a_tenant_nobody_configured if {
	answer := main.request with input as request(["reg.example"]) with data.rule_data as {}
	answer.images == {"reg.example": false}
}

trying(modes) := {"t": {"e": object.union(configured.t.e, {"modes": modes})}}

test_a_rule_that_only_warns_or_is_on_trial_does_not_deny if {
	some mode in ["warn", "shadow"]
	answer := main.evidence with input as evidence(["other"]) with data.rule_data as trying({"signature.authority": mode})
	answer.allow == true
	"signature.authority" in {found.code | some found in answer.findings}
}

test_a_stage_whose_every_rule_is_switched_off_is_denied if {
	answer := main.evidence with input as evidence(["ci"]) with data.rule_data as trying({"signature.authority": "off"})
	answer.allow == false
}

test_an_image_is_clean_of_rules_that_only_warn if {
	modes := trying({"registry.allowed": "warn"})
	answer := main.request with input as request(["other.example"]) with data.rule_data as modes
	answer.allow == true
	answer.images == {"other.example": true}
}

test_no_image_is_clean_where_every_rule_is_switched_off if {
	modes := trying({"registry.allowed": "off", "evidence.allowed": "off"})
	answer := main.request with input as request(["reg.example"]) with data.rule_data as modes
	answer.allow == false
	answer.images == {"reg.example": false}
}
