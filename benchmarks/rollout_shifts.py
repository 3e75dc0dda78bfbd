"""Rollouts on a machine with real nginx while users ask: nobody sees a failed or a wrong answer.

In one go, under load: a good version step by step, a bad one that has to go away by itself, one
that gives no number, nginx reloaded, and a rollback by hand.
"""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import time
import urllib.request
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assay.rollout.host.settings import HostSettings

from benchmarks import rollout_traffic, rollout_versions
from benchmarks.harness import CommandFailedError
from benchmarks.rollout_peers import NAME, ROW
from benchmarks.rollout_versions import BETTER, GOOD, NOT_FINITE, SHIFTED
from benchmarks.scratch import SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.harness import Bench
    from benchmarks.rollout_peers import Models

INTERVAL = 5
LEAST = 50.0
"""Seconds of load before the rollback by hand."""
HOURS = range(5, 21)
PROMOTED, ROLLED_BACK = 0, 1
_CONFIG = """
environments:
  production:
    target: {{kind: host, folder: {folder}, listen: "127.0.0.1:{port}"}}
    steps: [5, 25, 100]
    interval: {interval}
    bake: {interval}
    key: {key}
"""


@dataclass(frozen=True)
class Site:
    """A folder with `assay.yaml`, whose environment is on this machine."""

    root: Path
    port: int
    bundles: dict[str, Path]

    @property
    def folder(self) -> Path:
        return self.root / "host"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/predict"

    def deploy(self, version: str, *, ends: int) -> None:
        bundle = f"--bundle={self.bundles[version]}"
        self.run(["deploy", f"{NAME}@{version}", "--to=production", bundle], ends=ends)

    def reload(self) -> None:
        """Have nginx read another configuration, as when the owner changes a setting."""
        from assay.rollout.host.agent import local

        agent = local(self.folder)
        settings = agent.place.settings.read_text(encoding="utf-8")
        known = HostSettings.model_validate_json(settings)
        agent.settings = known.model_copy(update={"max_body": known.max_body + 1})
        agent.acquire("the benchmark", 60)
        routing = agent.state().routing
        assert routing is not None
        agent.route(routing)
        agent.release("the benchmark")

    def run(self, args: Sequence[str], *, ends: int = 0) -> str:
        done = subprocess.run(
            [SCRIPTS / "assay", *args],
            cwd=self.root,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode != ends:
            said = f"{done.stdout}{done.stderr}"[-3000:]
            raise CommandFailedError(f"{' '.join(args)} ended with {done.returncode}:\n{said}")
        return done.stdout


def site(bench: Bench, models: Models) -> Site:
    """Nothing is deployed there yet."""
    root = bench.folder("site")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    config = _CONFIG.format(folder=root / "host", port=port, interval=INTERVAL, key=models.key.name)
    (root / "assay.yaml").write_text(config, encoding="utf-8")
    (root / models.key.name).write_bytes(models.key.read_bytes())
    origin = bench.folder("origin")
    rollout_versions.git(origin, "init", "--quiet", "--bare")
    for args in (
        ["init", "--quiet", "--initial-branch=main"],
        ["remote", "add", "origin", str(origin)],
        ["add", "assay.yaml", models.key.name],
        ["commit", "--quiet", "--message=The environments"],
    ):
        rollout_versions.git(root, *args)
    versions = bench.folder("versions")
    bundles = rollout_versions.make(models.bundle, models.key.parent, root, versions)
    rollout_versions.git(root, "push", "--quiet", "origin", "main", "--tags")
    return Site(root, port, bundles)


def run(bench: Bench, models: Models) -> None:
    made = site(bench, models)
    rows = expected(made, models)
    made.deploy(GOOD, ends=PROMOTED)
    try:
        _under_load(bench, made, rows)
    finally:
        made.run(["host", "down", "--folder", str(made.folder)])


def _under_load(bench: Bench, made: Site, rows: list[rollout_traffic.Row]) -> None:
    began = time.monotonic()
    with rollout_traffic.under_load(made.url, rows, bench.scratch) as traffic:
        for version, ends in (
            (BETTER, PROMOTED),
            (SHIFTED, ROLLED_BACK),
            (NOT_FINITE, ROLLED_BACK),
        ):
            print(f"   {version} is deployed", flush=True)
            made.deploy(version, ends=ends)
        print("   nginx reloads", flush=True)
        made.reload()
        time.sleep(max(0.0, began + LEAST - time.monotonic()))
        print("   rolled back by hand", flush=True)
        asked = time.time()
        made.run(["rollback", "--env=production"])
        over = time.time() - asked
        time.sleep(1)
    for example in traffic.examples:
        print(f"   wrong: {example}")
    least = bench.number("rollouts, requests", traffic.requests, limit=100_000, unit="")
    bench.rows[-1] = replace(least, is_floor=True)
    bench.number("rollouts, failed requests", traffic.failed, limit=0, unit="")
    bench.number("rollouts, connections closed", traffic.closed, limit=math.inf, unit="")
    bench.number("rollouts, wrong answers", traffic.wrong, limit=0, unit="")
    bench.number("rollouts, p99", traffic.p99 * 1e3, limit=math.inf, unit="ms")
    seen = traffic.last[SHIFTED] - traffic.first[SHIFTED]
    bench.number("users on a bad version, at most", seen, limit=INTERVAL + 2, unit="s")
    bench.number("rollback by hand", traffic.last[BETTER] - asked, limit=2, unit="s")
    bench.number("rollback by hand, the command", over, limit=math.inf, unit="s")


def expected(made: Site, models: Models) -> list[rollout_traffic.Row]:
    """What each version that has answers gives for each row, asked of a server of its own."""
    bodies = [json.dumps({"rows": [{**ROW, "hour": hour}]}) for hour in HOURS]
    answers: list[dict[str, str]] = [{} for _ in bodies]
    for version in (GOOD, BETTER, SHIFTED):
        for found, text in zip(answers, _answers(made, models, version, bodies), strict=True):
            found[version] = text
    return [rollout_traffic.Row(body, found) for body, found in zip(bodies, answers, strict=True)]


def _answers(made: Site, models: Models, version: str, bodies: list[str]) -> list[str]:
    serve = [SCRIPTS / "assay", "serve", made.bundles[version], "--key", models.key]
    flags = ["--as", version, "--port", str(made.port)]
    log = made.root / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen([*serve, *flags], stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait(made.port, process, log)
        return [_predictions(made.url, body) for body in bodies]
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    late = time.monotonic() + 60
    while time.monotonic() < late and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise CommandFailedError(f"No server: {log.read_text(encoding='utf-8')[-2000:]}")


def _predictions(url: str, body: str) -> str:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, body.encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read().decode()
    return text[text.index('"predictions"') :].removesuffix("}")
