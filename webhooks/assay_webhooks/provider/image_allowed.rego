package assayimages

# Whoever evaluates this may know OPA before version 1, and no imports: Gatekeeper's own rules for templates.
#
# An image passes only with one answer that allows exactly the digest it names. Whatever is missing, late, in error or of
# another type leaves it out of `allowed`; `external_data` that fails is undefined, and then nothing is allowed.

violation[{"msg": msg}] {
	judged
	image := images[_]
	not allowed[image]
	msg := sprintf("%v: %v", [image, reason(image)])
}

violation[{"msg": "a container or an image volume names no image"}] {
	judged
	named(now)[_][1] == ""
}

violation[{"msg": "the object names no image"}] {
	judged
	count(named(now)) == 0
}

violation[{"msg": "objects of this kind are not known to run images"}] {
	judged
	not paths[kind]
}

paths := {
	"/Pod": ["spec"],
	"/PodTemplate": ["template", "spec"],
	"/ReplicationController": ["spec", "template", "spec"],
	"apps/DaemonSet": ["spec", "template", "spec"],
	"apps/Deployment": ["spec", "template", "spec"],
	"apps/ReplicaSet": ["spec", "template", "spec"],
	"apps/StatefulSet": ["spec", "template", "spec"],
	"batch/CronJob": ["spec", "jobTemplate", "spec", "template", "spec"],
	"batch/Job": ["spec", "template", "spec"],
}

# Never undefined: `not` over what is undefined does not hold.
kind = text {
	text := concat("/", [input.review.kind.group, input.review.kind.kind])
} else = "" {
	true
}

judged {
	not untouched
}

# What is deleted starts nothing. Labels, finalizers and status of what runs already can always be changed.
untouched {
	input.review.operation == "DELETE"
}

untouched {
	input.review.operation == "UPDATE"
	before := named(pod_spec(input.review.oldObject))
	count(before) > 0
	sort(before) == sort(named(now))
}

now := pod_spec(object.get(input.review, "object", {}))

pod_spec(holder) = spec {
	spec := object.get(holder, paths[kind], {})
} else = {} {
	true
}

# Each place that names an image: its list, and the image or an empty text.
named(spec) = array.concat(of_containers(spec), of_volumes(spec))

of_containers(spec) = [[list, text_of(entry, "image")] |
	list := ["containers", "initContainers", "ephemeralContainers"][_]
	entry := entries(spec, list)[_]
]

of_volumes(spec) = [["volumes", text_of(volume.image, "reference")] |
	volume := entries(spec, "volumes")[_]
	volume.image
]

entries(holder, list) = found {
	found := object.get(holder, list, [])
	is_array(found)
} else = [] {
	true
}

text_of(holder, member) = text {
	text := object.get(holder, member, "")
	is_string(text)
} else = "" {
	true
}

images[image] {
	image := named(now)[_][1]
	image != ""
}

answer := external_data({"provider": input.parameters.provider, "keys": [image | images[image]]})

answered {
	answer.system_error == ""
	{0, 200}[answer.status_code]
	is_array(answer.errors)
}

values_of(image) = [pair[1] | pair := answer.responses[_]; pair[0] == image]

errors_of(image) = [pair[1] | pair := answer.errors[_]; pair[0] == image]

allowed[image] {
	images[image]
	answered
	count(errors_of(image)) == 0
	values := values_of(image)
	count(values) == 1
	value := values[0]
	value.allow == true
	is_string(value.reason)
	is_string(value.decision_id)
	value.decision_id != ""
	regex.match("^sha256:[0-9a-f]{64}$", value.digest)
	endswith(image, concat("", ["@", value.digest]))
}

reason(image) = text {
	text := answer.system_error
	text != ""
} else = text {
	text := errors_of(image)[0]
} else = text {
	value := values_of(image)[0]
	value.allow == false
	text := sprintf("%v (decision %v)", [value.reason, value.decision_id])
} else = "the provider gave no answer that allows it" {
	true
}
