"""Run the main job once, for real, and show what every step proved."""

import argparse
import json
import shutil
import signal
import subprocess
import sys

import requests

from assay.adapters.log.state import StateFolder
from assay.bootstrap.composition import SystemComposition
from demo.admission import show_admission
from demo.narration import DemoError, Narrator, expect
from demo.publication import Published, build_and_publish
from demo.refusal import show_refusals
from demo.stack import CHECKOUT, ENVIRONMENT, Stack, StackError, run_assay, scratch_folder
from demo.tampering import PARTS, tampered
from demo.variant import Workbench


def main() -> int:
    """Run every chapter; 0 when every promise held."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep the scratch folder (keys, registry, log, state)")
    keep = parser.parse_args().keep
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = scratch_folder(CHECKOUT / ".demo")
    tell = Narrator()
    status = 1
    try:
        stack = Stack.prepare(folder)
        try:
            play(stack, tell)
            tell.finish()
            status = 0
        finally:
            stack.stop()
    except (DemoError, StackError, subprocess.SubprocessError, requests.RequestException) as error:
        print(f"\nthe demo failed: {error}", file=sys.stderr)
        if isinstance(error, subprocess.CalledProcessError):
            print(error.stdout, error.stderr, file=sys.stderr)
    finally:
        if keep or status:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return status


def play(stack: Stack, tell: Narrator) -> None:
    """The six chapters."""
    with tell.chapter("start a registry, the verification service and the admission webhook on loopback"):
        stack.start()
        tell.proved(f"registry http://{stack.registry.host} (olareg, referrers API)")
        tell.proved(f"service  {stack.service_url} (ready: policy, trust, database, OPA)")
        tell.proved(f"webhook  {stack.webhook_url} (TLS, a CA of its own)")
    with tell.chapter("build, describe, sign, ask the gate, publish"):
        published = build_and_publish(stack, tell)
    with tell.chapter("admit a Pod that names the tag"):
        show_admission(stack, published.tagged, published.digest, tell)
    with tell.chapter("refuse, each for one defect; the same image passes once it is undone"):
        bench = workbench(stack, published)
        parts = SystemComposition()
        release = parts.signer(stack.folder / "keys" / "cosign.key", password=b"")
        other = parts.signer(stack.folder / "other-keys" / "cosign.key", password=b"")
        path = published.repository.path
        show_refusals(bench, release, other, lambda digest: stack.registry.blob_file(path, digest.hex), tell)
    with tell.chapter("audit: query, prove offline, find every change"):
        audit(stack, published, tell)


def workbench(stack: Stack, published: Published) -> Workbench:
    """What the scenes of refusal work with."""
    parts = SystemComposition()
    return Workbench(
        registry=parts.registry(plain_http=(), ca=None),
        service=parts.service(stack.service_url, token="", ca=None),
        clock=parts.clock(),
        repository=published.repository,
        environment=ENVIRONMENT,
        base=published.digest,
    )


def audit(stack: Stack, published: Published, tell: Narrator) -> None:
    """Query the log, verify one proof offline, then damage the database and see it named."""
    service = ("--service", stack.service_url)
    page = json.loads(run_assay("audit", "list", "--limit", "100", "--output", "json", *service).stdout)
    verdicts = [entry["verdict"] for entry in page["decisions"]]
    expect(published.decision in {entry["id"] for entry in page["decisions"]}, "the first decision is not in the log")
    tell.proved(f"{len(verdicts)} decisions, {verdicts.count('allow')} of them allow")

    evidence = stack.folder / "evidence"
    run_assay("audit", "proof", published.decision, "--save", str(evidence), *service)
    shutil.copy(stack.state / "checkpoint.pub", evidence / "log.pub")
    proof = evidence / f"{published.decision}.tlog-proof"
    leaf, key = proof.with_suffix(".leaf"), evidence / "log.pub"
    offline = ("audit", "verify", "--proof", str(proof), "--key", str(key), "--leaf")
    tell.proved(f"offline: {run_assay(*offline, str(leaf)).stdout.strip()}")
    forged = evidence / "forged.leaf"
    forged.write_bytes(leaf.read_bytes().replace(b'"allow"', b'"deny"'))
    expect(run_assay(*offline, str(forged), check=False).returncode == 1, "a forged leaf was accepted")

    denied = next(entry["id"] for entry in page["decisions"] if entry["verdict"] == "deny" and entry["kind"] == "gate")
    for part in PARTS:
        with tampered(StateFolder(folder=stack.state).database, denied, part):
            answer = requests.get(f"{stack.service_url}/v1/decisions/{denied}", timeout=10).json()
            expect(answer.get("code") == "record_corrupt", f"a changed {part} was served")
            walked = run_assay("audit", "verify", *service, check=False)
            expect(walked.returncode == 1, f"`assay audit verify` missed a changed {part}")
            expect(f"{denied}  {part}:" in walked.stdout, f"the damaged {part} was not named: {walked.stdout}")
            named = next(line for line in walked.stdout.splitlines() if f"{denied}  {part}:" in line)
            tell.proved(f"changed {part}: record_corrupt; {named}")
    tell.proved(f"restored: {run_assay('audit', 'verify', *service).stdout.strip()}")


if __name__ == "__main__":
    sys.exit(main())
