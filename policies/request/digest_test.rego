package assay.request.digest_test

import data.assay.request.digest

pinned := {
	"key": "one",
	"ref": "reg/app@sha256",
	"digest": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
}

tagged := {"key": "two", "ref": "reg/app:latest", "digest": ""}

test_a_pinned_image_passes if {
	count(digest.deny) == 0 with input as {"images": [pinned]}
	digest.holds["digest.required"] with input as {"images": [pinned]}
	digest.checked["digest.required"] == 1 with input as {"images": [pinned]}
}

test_a_tag_alone_is_denied if {
	[found.image | some found in digest.deny] == ["two"] with input as {"images": [pinned, tagged]}
	not digest.holds["digest.required"] with input as {"images": [pinned, tagged]}
}

test_a_tag_that_runs_already_passes if {
	running := object.union(tagged, {"verdict": "runs_already"})
	count(digest.deny) == 0 with input as {"images": [running]}
	digest.holds["digest.required"] with input as {"images": [running]}
}

test_a_malformed_digest_is_denied if {
	count(digest.deny) == 1 with input as {"images": [object.union(pinned, {"digest": "sha256:aa"})]}
}
