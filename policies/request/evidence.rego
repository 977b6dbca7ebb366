# METADATA
# scope: package
# title: Evidence verdicts
# description: What the evidence stage said about each image.
# schemas:
#   - input: schema.assay_request_v1
package assay.request.evidence

import data.assay.lib.finding

allowed contains i if {
	some i, image in input.images

	# An image set that runs already is not judged again when something else of its workload changes.
	image.verdict in {"allow", "runs_already"}
}

# METADATA
# title: Evidence verdict is allow
# description: Every image must have an allow of the evidence stage in the same environment
# custom:
#   code: evidence.allowed
#   severity: critical
#   requires: [evidence]
#   counts: images
#   solution: See the findings about the image itself
#   owner: security
#   waivable: false
deny contains found if {
	some i, image in input.images
	not i in allowed
	found := finding.about(rego.metadata.rule(), image.key, {
		"term": image.ref,
		"msg": sprintf("the verdict on the image's evidence is %s", [image.verdict]),
		"evidence": [["images", i, "verdict"]],
	})
}

holds["evidence.allowed"] if count(allowed) == count(input.images)

checked["evidence.allowed"] := count(input.images)
