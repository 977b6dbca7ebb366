# METADATA
# scope: package
# title: Registries
# description: Where images may come from.
# schemas:
#   - input: schema.assay_request_v1
package assay.request.registry

import data.assay.lib.finding
import data.assay.lib.prefix
import data.assay.lib.selection

accepted contains i if {
	some i, image in input.images
	some allowed in selection.rules.allowed_registries
	prefix.covers(allowed, sprintf("%s/%s", [image.registry, image.repository]))
}

# METADATA
# title: Allowed registry
# description: Every image must come from an allowed registry, or from below an allowed path of one
# custom:
#   code: registry.allowed
#   severity: high
#   requires: []
#   counts: images
#   solution: Publish the image in an allowed registry
#   owner: platform
deny contains found if {
	some i, image in input.images
	not i in accepted
	found := finding.about(rego.metadata.rule(), image.key, {
		"term": sprintf("%s/%s", [image.registry, image.repository]),
		"msg": "the registry or path is not on the list of this environment",
		"evidence": [["images", i, "registry"], ["images", i, "repository"]],
	})
}

holds["registry.allowed"] if count(accepted) == count(input.images)

checked["registry.allowed"] := count(input.images)
