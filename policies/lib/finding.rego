# METADATA
# title: Findings
# description: The one shape of a finding.
package assay.lib.finding

# METADATA
# description: A finding of the rule whose metadata is given, about the artefact or the request as a whole.
at(metadata, found) := {
	"code": metadata.custom.code,
	"term": found.term,
	"msg": found.msg,
	"evidence": found.evidence,
}

# METADATA
# description: A finding of the rule whose metadata is given, about one image of a request.
about(metadata, image, found) := object.union(at(metadata, found), {"image": image})
