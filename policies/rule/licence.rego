# METADATA
# scope: package
# title: Licences
# description: Whether the packages may be used under the licences they declare.
# schemas:
#   - input: schema.assay_input_v1
package assay.rule.licence

import data.assay.lib.finding
import data.assay.lib.selection

# One of the alternatives avoids every denied licence. What cannot be judged is not acceptable, unless the environment
# says explicitly that licence.unknown alone shall speak about it; even then it must not name a denied licence.
default acceptable(_, _) := false

acceptable("valid", choices) if avoidable(choices)

acceptable(state, choices) if {
	selection.rules.allow_unknown_licences == true
	state in {"unknown", "none", "noassertion", "invalid"}
	avoidable(choices)
}

default avoidable(_) := false

avoidable(choices) if {
	denied := selection.rules.denied_licences
	some choice in choices
	every id in choice { not id in denied }
}

# Judged expressions by SBOM and place, those of them that are acceptable, and those that could be judged.
judged contains [i, k] if {
	some i, document in input.sbom
	some k, _ in document.licences
}

accepted contains [i, k] if {
	some i, document in input.sbom
	some k, licence in document.licences
	acceptable(licence.state, licence.choices)
}

valid contains [i, k] if {
	some i, document in input.sbom
	some k, licence in document.licences
	licence.state == "valid"
}

# METADATA
# title: Denied licence
# description: Every package must have a licence expression that can be satisfied without a denied licence
# custom:
#   code: licence.denied
#   severity: high
#   requires: [sbom]
#   counts: packages
#   solution: Replace the package, or use it under another of its licences
#   owner: legal
deny contains found if {
	some i, document in input.sbom
	some k, licence in document.licences
	not [i, k] in accepted
	some j in licence.packages
	found := finding.at(rego.metadata.rule(), {
		"term": document.packages[j].id,
		"msg": sprintf("licence %q (%s) cannot be satisfied without a denied licence", [licence.expression, licence.state]),
		"evidence": [["sbom", i, "packages", j, "licence"]],
	})
}

holds["licence.denied"] if count(accepted) == count(judged)

checked["licence.denied"] := packages

# METADATA
# title: Unknown licence
# description: Every package must have a licence expression of ids on the SPDX list
# custom:
#   code: licence.unknown
#   severity: low
#   requires: [sbom]
#   counts: packages
#   solution: State the licence as an SPDX expression in the SBOM
#   owner: legal
deny contains found if {
	some i, document in input.sbom
	some k, licence in document.licences
	not [i, k] in valid
	some j in licence.packages
	found := finding.at(rego.metadata.rule(), {
		"term": document.packages[j].id,
		"msg": sprintf("licence %q is %s", [licence.expression, licence.state]),
		"evidence": [["sbom", i, "packages", j, "licence"]],
	})
}

holds["licence.unknown"] if count(valid) == count(judged)

checked["licence.unknown"] := packages

packages := sum([count(licence.packages) | some document in input.sbom; some licence in document.licences])
