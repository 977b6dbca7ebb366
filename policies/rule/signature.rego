# METADATA
# scope: package
# title: Image signatures
# description: Who signed the image.
# schemas:
#   - input: schema.assay_input_v1
package assay.rule.signature

import data.assay.lib.finding
import data.assay.lib.selection

wanted := selection.rules.authorities.signature

# Keys, not signatures: a key that signed twice is still one voice.
keys contains signature.keyid if {
	some signature in input.signatures
	signature.subject == input.image.digest
	some name in signature.trust
	name in wanted.names
}

default signed := false

signed if {
	wanted.threshold >= 1
	count(keys) >= wanted.threshold
}

# METADATA
# title: Signed by a named authority
# description: The image must be signed by as many keys of the named authorities as the environment demands
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
	found := finding.at(rego.metadata.rule(), {
		"term": input.image.digest,
		"msg": sprintf("%d key(s) of the named authorities signed the image, which is not enough", [count(keys)]),
		"evidence": [["signatures"]],
	})
}

holds["signature.authority"] if signed

checked["signature.authority"] := count(input.signatures)
