from pathlib import Path

import pytest

from peakhour import params
from peakhour.evaluate import EvaluateParams
from peakhour.featurize import FeaturizeParams
from peakhour.prepare import PrepareParams
from peakhour.train import TrainParams

PARAMS = Path(__file__).parents[1] / "params.yaml"


@pytest.mark.parametrize(
    ("section", "kind"),
    [
        ("prepare", PrepareParams),
        ("featurize", FeaturizeParams),
        ("train", TrainParams),
        ("evaluate", EvaluateParams),
    ],
)
def test_every_stage_finds_its_section(section: str, kind: type) -> None:
    assert isinstance(params.read(section, kind, PARAMS), kind)


def test_a_misspelt_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("featurize:\n  wet_hour: 3\n", encoding="utf-8")

    with pytest.raises(ValueError, match="'wet_hour': 'unknown', 'wet_hours': 'missing'"):
        params.read("featurize", FeaturizeParams, path)
