# METADATA
# scope: package
# title: Image signatures
# description: Who signed the image.
# schemas:
#   - input: schema.assay_input_v1
package assay.rule.signature

import data.assay.lib.binding
import data.assay.lib.finding
import data.assay.lib.quorum
import data.assay.lib.selection

wanted := selection.rules.authorities.signature

# Signers, not signatures: who signed twice is still one voice.
voices contains {"keyid": signature.keyid, "names": names} if {
	some signature in input.signatures
	signature.bound_to in binding.accepted
	names := {name | some name in signature.trust; name in wanted.names}
	count(names) > 0
}

default signed := false

signed if quorum.met(wanted, voices)

# METADATA
# title: Signed by a named authority
# description: The image must be signed by as many of the named authorities as the environment demands
# custom:
#   code: signature.authority
#   severity: critical
#   requires: [signature]
#   counts: signatures
#   solution: Sign the image with a key of the named authority
#   owner: security
#   waivable: false
deny contains found if {
	not signed
	signers := count({voice.keyid | some voice in voices})
	found := finding.at(rego.metadata.rule(), {
		"term": input.image.digest,
		"msg": sprintf("%d signer(s) of the named authorities signed the image, which is not enough", [signers]),
		"evidence": [["signatures"]],
	})
}

holds["signature.authority"] if signed

checked["signature.authority"] := count(input.signatures)
