# METADATA
# title: Quorums
# description: Whether as many different signers spoke as an environment demands of its authorities.
package assay.lib.quorum

# METADATA
# description: >-
#   Whether every demand is met by different signers. A voice is the id of a signer with the names of the authorities
#   that it speaks for; a signer counts once, whatever it signed how often. Without a demand nothing is met.
default met(_, _) := false

met(wanted, voices) if {
	count(wanted.at_least) > 0
	every demand in wanted.at_least {
		demand.count >= 1
		signers := {voice.keyid | some voice in voices; some name in voice.names; name in demand.names}
		count(signers) >= demand.count
	}
}
