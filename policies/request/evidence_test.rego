package assay.request.evidence_test

import data.assay.request.evidence

judged(key, verdict) := {"key": key, "ref": key, "verdict": verdict}

test_allowed_images_pass if {
	document := {"images": [judged("one", "allow"), judged("two", "allow")]}
	count(evidence.deny) == 0 with input as document
	evidence.holds["evidence.allowed"] with input as document
	evidence.checked["evidence.allowed"] == 2 with input as document
}

test_an_image_that_runs_already_passes if {
	count(evidence.deny) == 0 with input as {"images": [judged("one", "runs_already")]}
	evidence.holds["evidence.allowed"] with input as {"images": [judged("one", "runs_already")]}
}

test_a_denied_or_indeterminate_image_is_denied if {
	document := {"images": [judged("one", "allow"), judged("two", "deny"), judged("three", "indeterminate")]}
	{found.image | some found in evidence.deny} == {"two", "three"} with input as document
	not evidence.holds["evidence.allowed"] with input as document
}

test_an_image_without_verdict_is_not_proven if {
	not evidence.holds["evidence.allowed"] with input as {"images": [{"key": "one", "ref": "one"}]}
}
