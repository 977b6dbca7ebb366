# METADATA
# scope: package
# title: Digests
# description: Whether the verdict can be bound to what will run.
# schemas:
#   - input: schema.assay_request_v1
package assay.request.digest

import data.assay.lib.finding

bound contains i if {
	some i, image in input.images
	regex.match(`^sha256:[0-9a-f]{64}$`, image.digest)
}

# An image set that runs already is not judged again when something else of its workload changes.
bound contains i if {
	some i, image in input.images
	image.verdict == "runs_already"
}

# METADATA
# title: Digest required
# description: Every image must be bound to the digest that was judged; a tag alone names nothing
# custom:
#   code: digest.required
#   severity: critical
#   requires: [evidence]
#   counts: images
#   solution: Name the image by digest
#   owner: security
#   waivable: false
deny contains found if {
	some i, image in input.images
	not i in bound
	found := finding.about(rego.metadata.rule(), image.key, {
		"term": image.ref,
		"msg": "the image is not bound to a digest",
		"evidence": [["images", i, "digest"]],
	})
}

holds["digest.required"] if count(bound) == count(input.images)

checked["digest.required"] := count(input.images)
