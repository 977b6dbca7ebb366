# METADATA
# scope: package
# title: Software bills of materials
# description: Whether it is known what the image is made of.
# schemas:
#   - input: schema.assay_input_v1
package assay.rule.sbom

import data.assay.lib.binding
import data.assay.lib.finding
import data.assay.lib.quorum
import data.assay.lib.selection

wanted := selection.rules.authorities.sbom

# An SBOM without packages passes every rule that looks for bad packages, so it does not count.
voices contains {"keyid": attestation.keyid, "names": names} if {
	some entry in input.sbom
	count(entry.packages) > 0
	attestation := input.attestations[entry.attestation]
	attestation.bound_to in binding.accepted
	names := {name | some name in attestation.trust; name in wanted.names}
	count(names) > 0
}

default described := false

described if quorum.met(wanted, voices)

# METADATA
# title: SBOM present
# description: An SBOM with packages, bound to the image's digest, must be signed by a named authority
# custom:
#   code: sbom.found
#   severity: high
#   requires: [sbom]
#   counts: sboms
#   solution: Attach a signed SPDX or CycloneDX document that lists the packages
#   owner: security
deny contains found if {
	not described
	found := finding.at(rego.metadata.rule(), {
		"term": input.image.digest,
		"msg": sprintf("none of %d SBOM(s) has packages and the signatures of the named authorities", [count(input.sbom)]),
		"evidence": [["sbom", i] | some i, _ in input.sbom],
	})
}

holds["sbom.found"] if described

checked["sbom.found"] := count(input.sbom)
