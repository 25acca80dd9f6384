"""The network with everything around it as one file that runs without this library: torch.export or ONNX.

What is stored goes in (uint8 pictures, ids, numbers) and answers come out, since preparation and activation are part of
the file. It takes any number of items, and takes its place only after it gave the live network's answers on real items.
"""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from torch import nn
from torch.nn import functional

from workbench.data.archive import replacing
from workbench.data.loading import Batch, Batches
from workbench.data.targets.multi_label import MultiLabel
from workbench.data.targets.single_label import SingleLabel
from workbench.data.values import Padded, Rows
from workbench.errors import UsageError, WorkbenchError, nearest
from workbench.interpret.looking import items_of, looking
from workbench.interpret.view import DoesNotApply, Table, View
from workbench.training.state import State

TOLERANCE = 1e-4
"""How far an answer may be from the live network's, in units of the largest one or of 1."""
_ITEMS = 32
_INPUTS = {
    "image": ("pictures",),
    "table": ("categories", "numbers"),
    "ratings": ("pairs",),
    "text": ("ids", "lengths"),
}
_ONNX = ("onnx", "onnxscript", "onnxruntime")

Tensors = tuple[torch.Tensor, ...]
Run = Callable[[Tensors], torch.Tensor]


@dataclass(frozen=True, repr=False)
class Exported(View):
    """A file that was checked. ``inputs``: names with type and shape; ``output``: what comes out, in words."""

    title: ClassVar[str] = "Export"
    path: Path
    inputs: dict[str, str]
    output: str
    items: int
    deviation: float
    bytes: int

    def table(self) -> Table:
        """What goes in, what comes out, and how near it is."""
        rows: list[tuple[Any, ...]] = [("file", str(self.path)), ("bytes", self.bytes)]
        rows += [(f"input {name}", shape) for name, shape in self.inputs.items()]
        rows += [("output", self.output), ("items checked", self.items), ("largest deviation", self.deviation)]
        return Table(("what", "value"), rows)


class Deployed(nn.Module):
    """Preparation, network and activation in one: the learner's own stages, whatever a subclass made of them."""

    def __init__(self, state: State, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self._stages = (state.learner, state.data.signature.kind, state.data.target)

    def forward(self, *stored: torch.Tensor) -> torch.Tensor:
        """Probabilities float32 (b, k) of classes or labels; of other targets the values."""
        learner, kind, target = self._stages
        first = stored[0]
        nothing = torch.zeros(first.shape[0], dtype=torch.int64, device=first.device)
        x = learner.inputs(Batch(_joined(stored, kind), nothing, nothing), training=False)
        output = learner.forward(self.model, x)
        if isinstance(target, SingleLabel):
            return functional.softmax(output.float(), dim=1)
        return output.float().sigmoid() if isinstance(target, MultiLabel) else target.predict(output)[0]


def export(state: State, path: Path) -> Exported:
    """Writes the network to ``path``: a ``.pt2`` file (torch.export) or an ``.onnx`` file.

    Raises:
        UsageError: another suffix, or packages that ONNX needs are not installed.
        DoesNotApply: networks that write token by token, or that torch cannot export.
        WorkbenchError: the exported network does not answer as the live one; nothing is written then.
    """
    kind, path = state.data.signature.kind, Path(path)
    if path.suffix not in (".pt2", ".onnx"):
        raise UsageError(f"'{path.name}' ends in '{path.suffix}'{nearest(path.suffix, ['.pt2', '.onnx'])}")
    if kind == "pairs" or state.data.signature.each_token:
        raise DoesNotApply("a network that writes token by token is a loop, not one file", hint="Use predict().")
    if path.suffix == ".onnx":
        _require_onnx()
    stored = _stored(state)
    with looking(state) as model:
        # on the CPU and in float32, since a GPU rounds more; what a stage makes once and keeps, it makes here, of real
        # tensors, and not while torch traces
        twin = Deployed(state, copy.deepcopy(model).cpu()).eval()
        expected = twin(*stored)
        program = _exported(twin, stored, kind)
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / path.name
            run = (_write_torch if path.suffix == ".pt2" else _write_onnx)(program, made, kind, state.data.classes)
            deviation = _compared(run, stored, expected, path)
            content = made.read_bytes()
    with replacing(path) as file:
        file.write(content)
    described = {name: _shape(each) for name, each in zip(_INPUTS[kind], stored, strict=True)}
    return Exported(path, described, _output(state), len(expected), deviation, len(content))


def _joined(stored: Tensors, kind: str) -> Any:
    """Stored inputs as a batch holds them."""
    if kind == "table":
        return Rows(*stored)
    return Padded(stored[0], stored[1], ()) if kind == "text" else stored[0]


def _stored(state: State) -> Tensors:
    """Real items of the test split as tensors on the CPU, at least two: of one, torch would take the size for fixed."""
    items = items_of(state, "test")
    x = next(iter(Batches(items, batch=_ITEMS, device="cpu"))).x
    found: Tensors = (x,)
    if isinstance(x, Rows):
        found = (x.categories, x.numbers)
    elif isinstance(x, Padded):
        found = (x.ids, x.lengths)
    if len(found[0]) < 2:
        found = tuple(torch.cat((each, each)) for each in found)
    return tuple(each.contiguous() for each in found)


def _exported(module: nn.Module, stored: Tensors, kind: str) -> torch.export.ExportedProgram:
    batch = torch.export.Dim("batch")
    shapes: list[dict[int, Any]] = [{0: batch} for _ in stored]
    if kind == "text":
        shapes[0][1] = torch.export.Dim("tokens")
    try:
        with _quiet():
            return torch.export.export(module, stored, dynamic_shapes=(tuple(shapes),))
    except Exception as error:  # torch has no one family for what it cannot trace
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise DoesNotApply(f"torch.export cannot take this network ({type(error).__name__}: {reason[:200]})") from error


def _write_torch(program: torch.export.ExportedProgram, path: Path, kind: str, classes: tuple[str, ...]) -> Run:
    with _quiet():
        torch.export.save(program, path, extra_files={"classes.json": json.dumps(classes)})
        again = torch.export.load(path).module()
    return lambda stored: cast(torch.Tensor, again(*stored))


def _write_onnx(program: torch.export.ExportedProgram, path: Path, kind: str, classes: tuple[str, ...]) -> Run:
    import onnx
    import onnxruntime

    with _quiet():
        made = torch.onnx.export(
            program, dynamo=True, input_names=list(_INPUTS[kind]), output_names=["answers"], verbose=False
        )
    assert made is not None
    graph = made.model_proto
    onnx.helper.set_model_props(graph, {"classes": json.dumps(classes)})
    onnx.save(graph, path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(stored: Tensors) -> torch.Tensor:
        given = {name.name: each.numpy() for name, each in zip(session.get_inputs(), stored, strict=True)}
        return torch.from_numpy(session.run(None, given)[0])

    return run


def _compared(run: Run, stored: Tensors, expected: torch.Tensor, path: Path) -> float:
    """The largest deviation, over batches of one, of some and of all items; raises where it is too large."""
    scale, worst = max(1.0, float(expected.abs().max())), 0.0
    for count in sorted({1, max(1, len(expected) // 3), len(expected)}):
        given = run(tuple(each[:count] for each in stored))
        if given.shape != expected[:count].shape:
            raise WorkbenchError(f"gave {tuple(given.shape)} for {count} items, nothing is written", where=str(path))
        worst = max(worst, float((given - expected[:count]).abs().max()))
    if not worst <= TOLERANCE * scale:
        raise WorkbenchError(
            f"the exported network's answers are up to {worst:.3g} from the live one's, nothing is written",
            where=str(path),
            hint="Try the other format, .pt2 or .onnx",
        )
    return worst


def _require_onnx() -> None:
    from importlib.util import find_spec

    missing = [name for name in _ONNX if find_spec(name) is None]
    if missing:
        raise UsageError(f"ONNX needs {', '.join(missing)}", hint=f"Type: pip install {' '.join(missing)}, or use .pt2")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch warns its own developers of; the file is checked afterwards in any case."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="No complete tensor found in the group", category=UserWarning)
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            warnings.filterwarnings("ignore", category=FutureWarning)
            yield
    finally:
        logger.setLevel(level)


def _shape(value: torch.Tensor) -> str:
    kind = str(value.dtype).removeprefix("torch.")
    return f"{kind} ({', '.join(['batch', *(str(size) for size in value.shape[1:])])})"


def _output(state: State) -> str:
    target, classes = state.data.target, state.data.classes
    what = "probabilities" if isinstance(target, SingleLabel | MultiLabel) else "values"
    return f"{what}, float32 (batch, {len(classes)})"
