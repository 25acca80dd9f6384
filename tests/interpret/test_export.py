"""Exported files answer as the live network does, for any number of items and without this library's code."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from workbench import Learner
from workbench.errors import UsageError, WorkbenchError
from workbench.interpret import export as module
from workbench.interpret.answers import Answers
from workbench.interpret.export import Exported, export
from workbench.interpret.view import DoesNotApply
from workbench.training.state import State

needs_onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxscript", "onnxruntime")),
    reason="onnx, onnxscript and onnxruntime are not installed",
)


@pytest.fixture(scope="session")
def exported(state: State, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The network as a .pt2 file."""
    return export(state, tmp_path_factory.mktemp("exported") / "network.pt2")


def test_torch_export(exported: Exported, state: State, answers: Answers) -> None:
    found = exported
    assert found.inputs == {"pictures": "uint8 (batch, 1, 12, 12)"} and found.deviation < 1e-5
    assert found.output == "probabilities, float32 (batch, 4)" and found.bytes == found.path.stat().st_size
    extra = {"classes.json": ""}
    network = torch.export.load(found.path, extra_files=extra).module()
    assert tuple(json.loads(extra["classes.json"])) == answers.classes
    given = network(state.data.test.inputs).numpy()
    assert np.allclose(given, answers.probabilities("a test"), atol=1e-5)
    assert [each.name for each in found.path.parent.iterdir()] == ["network.pt2"]


@needs_onnx
def test_onnx(state: State, answers: Answers, tmp_path: Path) -> None:
    import onnxruntime

    found = export(state, tmp_path / "network.onnx")
    session = onnxruntime.InferenceSession(found.path, providers=["CPUExecutionProvider"])
    classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
    assert tuple(classes) == answers.classes
    for count in (1, 7, len(answers)):
        given = session.run(None, {"pictures": state.data.test.inputs[:count].numpy()})[0]
        assert np.allclose(given, answers.probabilities("a test")[:count], atol=1e-5)


def test_a_stage_of_one_s_own_is_exported_too(bars: type[Learner], state: State, tmp_path: Path) -> None:
    class Negative(bars):  # type: ignore[misc, valid-type]
        def forward(self, model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
            return -model(x)

    learner = Negative(0, device="cpu", root=state.learner.root)
    begun = learner.begin()
    network = torch.export.load(export(begun, tmp_path / "negative.pt2").path).module()
    x = state.data.test.inputs[:5]
    begun.model.eval()
    plain = begun.model(learner.inputs(next(iter(module.Batches(begun.data.test, batch=5))), training=False))
    assert torch.allclose(network(x), torch.softmax(-plain, 1), atol=1e-5)


def test_a_file_without_this_library(exported: Exported) -> None:
    code = (
        "import sys, torch\n"
        f"answers = torch.export.load({str(exported.path)!r}).module()(torch.zeros(3, 1, 12, 12, dtype=torch.uint8))\n"
        "print(tuple(answers.shape), any(name.split('.')[0] == 'workbench' for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "(3, 4) False"


def test_a_wrong_export_is_not_written(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "network.pt2"
    path.write_bytes(b"an earlier one")
    monkeypatch.setattr(module, "TOLERANCE", -1.0)
    with pytest.raises(WorkbenchError, match="from the live one's, nothing is written"):
        export(state, path)
    assert path.read_bytes() == b"an earlier one" and len(list(tmp_path.iterdir())) == 1


def test_refusals_say_what_to_do(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"ends in '.pth'; did you mean '.pt2'"):
        export(state, tmp_path / "network.pth")
    monkeypatch.setattr(module, "_ONNX", ("onnx", "not_there"))
    with pytest.raises(UsageError, match=r"needs not_there.*pip install not_there, or use .pt2"):
        export(state, tmp_path / "network.onnx")

    class Looks(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1)[:, :4] if float(x.sum()) > 0 else -x.flatten(1)[:, :4]

    monkeypatch.setattr(state, "model", Looks())
    with pytest.raises(DoesNotApply, match=r"torch.export cannot take this network"):
        export(state, tmp_path / "network.pt2")
