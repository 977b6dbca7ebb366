"""Whether a review is answered in the loop of a server or in a thread, its reply is the same."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assay.domain.coverage import Coverage, Pin
from assay.domain.reference import Reference
from tests.fakes.admission import DIGEST, ScriptedEngine, Webhook, pod, review
from tests.fakes.loop_door import LoopDoor, Way
from tests.property.test_admission import GOOD, _without, json_values, pod_specs

ENGINES = st.builds(
    ScriptedEngine,
    digests=st.sampled_from([{}, {"*": DIGEST}, {str(Reference.parse(name)): DIGEST for name in GOOD}]),
    error=st.sampled_from([None, None, RuntimeError("MARKER"), OSError("MARKER")]),
)
COVERAGES = st.sampled_from([Coverage(), Coverage(exempt_namespaces=frozenset({"team-a"})), Coverage(pin=Pin.PODS)])
CONTENT_TYPES = st.sampled_from(["application/json", "Application/JSON ; charset=utf-8", "", "text/plain", "json"])
QUERIES = st.sampled_from(["", "timeout=10s", "a=b&timeout=1s", "timeout=0s", "timeout=1%30s", "x" * 100])


@st.composite
def reviews(draw: st.DrawFn) -> bytes:
    """Reviews of Pods, whole ones and such as lack something, and bodies that are none."""
    spec, old = draw(pod_specs()), draw(pod_specs())
    operation = draw(st.sampled_from(["CREATE", "UPDATE", "DELETE", "CONNECT"]))
    changes: dict[str, Any] = {"dryRun": draw(st.booleans())}
    body: Any = review({**pod(), "spec": spec}, old={**pod(), "spec": old}, operation=operation, **changes)
    path = draw(st.lists(st.integers(0, 9), max_size=6))
    whole = json.dumps(_without(body, path) if path else body).encode()
    return draw(st.just(whole) | st.just(whole) | st.binary(max_size=50) | json_values.map(json.dumps).map(str.encode))


@given(
    reviews(),
    ENGINES,
    COVERAGES,
    st.sampled_from(["mutate", "validate"]),
    CONTENT_TYPES,
    QUERIES,
    st.sampled_from([Way.NOW, Way.WAIT, Way.WITHIN]),
)
def test_every_way_to_answer_a_call_gives_the_same_reply(
    body: bytes,
    engine: ScriptedEngine,
    coverage: Coverage,
    hook: str,
    content_type: str,
    query: str,
    way: Way,
) -> None:
    plain, soon = (Webhook(ScriptedEngine(engine.digests, error=engine.error), coverage=coverage) for _ in range(2))
    expected = plain.post(hook, body, query=f"?{query}", content_type=content_type)
    reply = LoopDoor(soon, way=way).post(hook, body, query=query, content_type=content_type)
    assert reply.status == expected.status
    assert (reply.content_type, reply.body) == (expected.headers["Content-Type"], expected.data)
    assert soon.engine.questions == plain.engine.questions
    assert soon.metrics == plain.metrics
