# METADATA
# scope: package
# title: Binding
# description: What a claim has to be bound to, to count for the image.
# schemas:
#   - input: schema.assay_input_v1
package assay.lib.binding

# METADATA
# description: >-
#   The digest of the image, and those of the indexes that list it: who signs an index signs every digest in it. Compare
#   with `input.image.digest` alone where only the image's own evidence shall count.
accepted := {input.image.digest} | {digest | some digest in input.image.indexes}
