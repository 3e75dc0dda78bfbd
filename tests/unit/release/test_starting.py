"""Which workflows a tag starts: GitHub's filters."""

from __future__ import annotations

import pytest
from assay.release.starting import matches, starts

TAG = "models/peak-hour@v1.0.0"


@pytest.mark.parametrize(
    ("workflow", "answer"),
    [
        ("on: push", True),
        ("on: [pull_request, push]", True),
        ("on: pull_request", False),
        ("on: {push: }", True),
        ("on: {workflow_dispatch: }", False),
        ("on: {push: {branches: [main]}}", False),
        ("on: {push: {branches-ignore: [main]}}", False),
        ("on: {push: {branches: [main], tags: ['**@v*']}}", True),
        ("on: {push: {tags: '**@v*'}}", True),
        ("'on': {push: {tags: ['*@v*']}}", False),
        ("on: {push: {tags-ignore: ['v*']}}", True),
        ("on: {push: {tags-ignore: ['**']}}", False),
        ("on: [", False),
        ("- on", False),
        ("", False),
    ],
)
def test_what_starts_on_a_tag(workflow: str, answer: bool) -> None:
    assert starts(workflow, TAG) is answer


@pytest.mark.parametrize(
    ("patterns", "tag", "answer"),
    [
        (["v*"], "v1.2", True),
        (["v[12].[0-9]+"], "v1.10", True),
        (["v[12].[0-9]+"], "v3.1", False),
        (["v1?"], "v", True),
        (["**@v*", "!churn@*"], "churn@v1", False),
        (["!churn@*", "**@v*"], "churn@v1", True),
        (["a\\*b"], "a*b", True),
        (["a.b"], "axb", False),
        (["[z-a]"], "z", False),
        (["+"], "+", False),
    ],
)
def test_a_filter_of_github(patterns: list[str], tag: str, answer: bool) -> None:
    assert matches(patterns, tag) is answer
