"""`environments:` of assay.yaml: what it may hold, and what each mistake is answered with."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml
from assay import config, configrollout
from assay.configrollout import CommandSpec, HostSpec
from assay.errors import ConfigError

HOST = "target: {kind: host, folder: /srv/a}"
COMMAND = "kind: command, start: s, weight: w, status: t, stop: p, observe: o"


def _one(text: str, name: str = "production") -> str:
    return f"environments:\n  {name}:\n    {HOST}\n    {text}\n"


# text -> (line, message, hint)
MISTAKES: dict[str, tuple[int, str, str | None]] = {
    "environments:\n  a: {}": (2, "`environments.a.target` is required.", "Add it."),
    "environments:\n  a:\n    target: here": (
        3,
        "`environments.a.target` is 'here' (text).",
        "It should be a mapping with `kind`.",
    ),
    "environments:\n  a:\n    target: {kind: hots, folder: x}": (
        3,
        "`environments.a.target.kind` is 'hots'.",
        "Did you mean `host`? Allowed: 'host' or 'command'.",
    ),
    "environments:\n  a:\n    target: {folder: x, lisen: y}": (
        3,
        "Unknown key `environments.a.target.lisen`.",
        (
            "Did you mean `listen`? Allowed here: `kind`, `folder`, `listen`, `ssh`, `port`, "
            "`assay`, `memory`, `keep`."
        ),
    ),
    "environments:\n  a:\n    target: {kind: command, start: x}": (
        3,
        "`environments.a.target.weight` is required.",
        None,
    ),
    f"environments:\n  a:\n    target: {{{COMMAND.replace('s,', '[],', 1)}}}": (
        3,
        "`environments.a.target.start` is [] (a list).",
        "It should be a list of at least 1.",
    ),
    'environments:\n  a:\n    target: {kind: command, start: "\'x"}': (
        3,
        "`environments.a.target.start` is no command: no closing quotation.",
        None,
    ),
    "environments:\n  a:\n    target: {folder: rel, ssh: me@there}": (
        3,
        "`environments.a.target` has the `folder` 'rel'; with `ssh` it needs a path from `/` on.",
        None,
    ),
    "environments:\n  a:\n    target: {folder: /x, ssh: -oProxyCommand=x}": (
        3,
        (
            "`environments.a.target.ssh` is '-oProxyCommand=x', which is no host as `deploy@ml1`; "
            "its port is `port`."
        ),
        None,
    ),
    "environments:\n  a:\n    target: {folder: /x, listen: 8080}": (
        3,
        "`environments.a.target.listen` is 8080 (a number).",
        "It should be text.",
    ),
    "environments:\n  a:\n    target: {folder: /x, listen: 'h:99999'}": (
        3,
        (
            "`environments.a.target.listen` is 'h:99999', which is no address and port as "
            "`127.0.0.1:8080`."
        ),
        None,
    ),
    "environments:\n  a:\n    target: {folder: /x, memory: much}": (
        3,
        "`environments.a.target.memory` is 'much', which is no size as `2 GB` or `512 MiB`.",
        None,
    ),
    f"environments:\n  a:\n    target: {{{COMMAND}, secrets: ['ghp_123-4']}}": (
        3,
        "`environments.a.target.secrets.0` is not the name of an environment variable.",
        None,
    ),
    _one("steps: [5, canary]"): (
        4,
        (
            "`environments.production.steps.1` is 'canary'; a step is `shadow`, or a whole "
            "percentage from 1 to 100."
        ),
        None,
    ),
    _one("steps: [0, 100]"): (
        4,
        (
            "`environments.production.steps.0` is 0; a step is `shadow`, or a whole percentage "
            "from 1 to 100."
        ),
        None,
    ),
    _one("steps: [yes]"): (
        4,
        (
            "`environments.production.steps.0` is True; a step is `shadow`, or a whole percentage "
            "from 1 to 100."
        ),
        None,
    ),
    _one("steps: []"): (
        4,
        "`environments.production.steps` is [] (a list).",
        "It should be a list of at least 1.",
    ),
    _one("steps: [5, 25]"): (
        2,
        "`environments.production` has `steps` that do not end with 100.",
        None,
    ),
    _one("steps: [shadow]"): (
        2,
        "`environments.production` has `steps` that do not end with 100.",
        None,
    ),
    _one("steps: [25, 5, 100]"): (
        2,
        "`environments.production` has `steps` that do not rise.",
        None,
    ),
    _one("steps: [5, 5, 100]"): (
        2,
        "`environments.production` has `steps` that do not rise.",
        None,
    ),
    _one("steps: [5, shadow, 100]"): (
        2,
        "`environments.production` has `shadow` in `steps`, but not as the first one.",
        None,
    ),
    _one("interval: 0"): (
        4,
        "`environments.production.interval` is 0 (a number).",
        "It should be greater than 0.",
    ),
    _one("after: staging"): (
        4,
        "`environments.production.after` needs the name of another environment.",
        "There: none yet.",
    ),
    _one("after: production"): (
        4,
        "`environments.production.after` needs an environment that does not come after it.",
        "They wait for each other.",
    ),
    _one("url: https://me:secret@example.com"): (
        4,
        (
            "`environments.production.url` is no address as `https://example.com`, without name "
            "and password."
        ),
        None,
    ),
    _one("analysis: strict"): (
        4,
        "`environments.production.analysis` is 'strict' (text).",
        "It should be a mapping of keys to values.",
    ),
    _one("analysis: {sample: 5}"): (
        4,
        "Unknown key `environments.production.analysis.sample`.",
        (
            "Did you mean `samples`? Allowed here: `samples`, `errors`, `latency`, "
            "`latency_margin`, `predictions`, `agreement`, `labelled`, `confidence`."
        ),
    ),
    _one("analysis: {latency: 0.5}"): (
        4,
        "`environments.production.analysis.latency` is 0.5 (a number).",
        "It should be greater than or equal to 1.",
    ),
    _one("bake: 5", name="'-x'"): (
        2,
        "`environments.-x` needs another name.",
        "It is a stage in tags: letters, digits, `-`, `_` and `/`, none of these at an end.",
    ),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_every_mistake_names_the_line_the_key_and_what_is_allowed(text: str) -> None:
    line, message, hint = MISTAKES[text]
    with pytest.raises(ConfigError) as caught:
        config.parse(text)
    assert (caught.value.line, caught.value.message) == (line, message)
    assert hint is None or caught.value.hint == hint
    assert caught.value.exit_code == 2


def test_a_secret_in_an_address_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(_one("url: https://me:hunter2@example.com"))
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"


def test_a_folder_is_enough() -> None:
    spec = config.parse("environments: {a: {target: {folder: here}}}").environments["a"]
    assert spec.target == HostSpec(folder="here")
    assert spec.steps == (5, 25, 100)
    assert (spec.interval, spec.patience, spec.bake) == (30, 10, 600)


def test_analysis_can_be_off() -> None:
    assert config.parse(_one("analysis: off")).environments["production"].analysis is False


def test_everything_that_the_design_shows() -> None:
    text = """
environments:
  staging: {target: {kind: host, folder: /srv/s}, steps: [100], bake: 0}
  production:
    after: staging
    url: https://example.com/models
    target: {kind: host, ssh: deploy@ml1, port: 2222, folder: /srv/p, listen: "[::1]:8080",
             assay: /opt/assay, memory: 2 GB, keep: 3}
    steps: [shadow, 5, 25, 100]
    analysis: {samples: 50, latency: , confidence: 0.99}
    key: keys/assay.pub
  cluster:
    target: {kind: command, start: "./deploy start 'a b'", weight: [w], status: s, stop: p,
             observe: o, secrets: [KUBE_TOKEN]}
"""
    found = config.parse(text).environments
    assert found["production"].steps == ("shadow", 5, 25, 100)
    analysis = found["production"].analysis
    assert analysis
    assert analysis.latency is None
    target = found["cluster"].target
    assert isinstance(target, CommandSpec)
    assert target.start == ("./deploy", "start", "a b")
    schema = json.loads(config.json_schema())
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(text))


def test_a_ring_of_environments_is_found() -> None:
    ring = "\n".join(f"  {a}: {{after: {b}, {HOST}}}" for a, b in ("ab", "bc", "ca"))
    with pytest.raises(ConfigError, match=r"environments\.a\.after"):
        config.parse(f"environments:\n{ring}")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 GB", 2_000_000_000),
        ("1.5kB", 1500),
        ("512 MiB", 512 << 20),
        ("7 B", 7),
        ("1 TiB", 1 << 40),
    ],
)
def test_sizes(text: str, value: int) -> None:
    assert configrollout.size(text) == value


@pytest.mark.parametrize("text", ["", "2", "GB", "-1 GB", "2 gb", "0 GB", "1e3 MB", "2 GB x"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="no size"):
        configrollout.size(text)
