"""A user's program for the target `command`: standard library, its place is the file world.json.

    python rollout_scripts.py

Each `observe` gives every version the requests of a moment: `rate` of them, as traffic is split.
`faults` of the file says which call goes wrong and how: {"weight": "fail"}. At the call of number
`kill_at` whoever called is killed: after its effect, before it (negative), or while it is under way
(`late`: the program goes on for a moment, as an orphan, and then has its effect).
"""

# It is started hundreds of times, and pathlib is most of what that takes.
# ruff: noqa: PTH104, PTH110, PTH123
from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

WORLD = "world.json"
LATENCY_BIN = 114
"""20 ms."""


def main() -> int:
    """Answer one call."""
    question = json.load(sys.stdin)
    call = question["call"]
    with open("world.lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        world = _read()
        world.setdefault("calls", []).append(call)
        kill, number = world.get("kill_at"), len(world["calls"])
        if kill == -number:
            os.kill(os.getppid(), signal.SIGKILL)
            return 1
        if kill == number and world.get("late"):
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(0.3)
        fault = world.get("faults", {}).get(call)
        if fault == "slow":
            time.sleep(0.5)
        if fault in {None, "slow"}:
            answer = CALLS[call](world, question)
        scratch = f"{WORLD}.{os.getpid()}"
        with open(scratch, "w", encoding="utf-8") as file:
            json.dump(world, file)
        os.rename(scratch, WORLD)
    if kill == number:
        os.kill(os.getppid(), signal.SIGKILL)
        return 0
    if fault not in {None, "slow"}:
        return _wrong(fault)
    print(json.dumps(answer))
    return 0


def _read() -> Json:
    if not os.path.exists(WORLD):
        return {}
    with open(WORLD, encoding="utf-8") as file:
        found: Json = json.load(file)
        return found


def _wrong(fault: str) -> int:
    if fault == "fail":
        print(f"no such cluster; the token is {os.environ.get('DEPLOY_TOKEN')}", file=sys.stderr)
        return 7
    if fault == "hang":
        time.sleep(600)
    if fault == "rubbish":
        print("done!\x1b[2J")
    if fault == "list":
        print("[1, 2]")
    if fault == "unknown":
        print(json.dumps({"running": [], "color": "green"}))
    if fault == "killed":
        os.kill(os.getpid(), 9)
    if fault == "environment":
        print(json.dumps(sorted(os.environ)), file=sys.stderr)
        return 1
    return 0


def _start(world: Json, question: Json) -> Json:
    version = question["version"]
    bundle = question["bundle"]
    assert bundle is None or os.path.exists(f"{bundle}/manifest.json")
    running = world.setdefault("running", {})
    if version["digest"] not in running:
        world["started"] = world.get("started", 0) + 1
        running[version["digest"]] = {"version": version, "n": 0, "p": f"p{world['started']}"}
    return {}


def _weight(world: Json, question: Json) -> Json:
    names = ("stable", "candidate", "percent", "shadow")
    world["routing"] = {name: question[name] for name in names}
    return {}


def _stop(world: Json, question: Json) -> Json:
    world.get("running", {}).pop(question["version"]["digest"], None)
    return {}


def _status(world: Json, _: Json) -> Json:
    running = [one["version"] for one in world.get("running", {}).values()]
    return {"running": running, "routing": world.get("routing")}


def _observe(world: Json, _: Json) -> Json:
    routing, rate = world.get("routing"), world.get("rate", 1000)
    running = world.get("running", {})
    if routing is not None:
        mine = rate * routing["percent"] // 100
        for version, count in ((routing["candidate"], mine), (routing["stable"], rate - mine)):
            if version is not None and version["digest"] in running:
                running[version["digest"]]["n"] += count
    return {"seen": [_seen(world, one) for one in running.values()]}


def _seen(world: Json, one: Json) -> Json:
    n, version = one["n"], one["version"]
    latency = [0] * 216
    latency[LATENCY_BIN] = n
    bad = n // 10 if version["version"] in world.get("bad", []) else 0
    snapshot = {
        "process": one["p"],
        "version": version["version"],
        "digest": version["digest"],
        "requests": n,
        "errors": {"internal": bad} if bad else {},
        "latency": latency,
        "predictions": {"label": {"values": ["a"], "counts": [n // 2, n - n // 2]}},
    }
    return {"version": version, "snapshot": snapshot}


CALLS = {
    "start": _start,
    "weight": _weight,
    "stop": _stop,
    "status": _status,
    "observe": _observe,
}

if __name__ == "__main__":
    sys.exit(main())
