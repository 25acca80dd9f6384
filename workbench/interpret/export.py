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
from workbench.data.targets.rating import Rating
from workbench.data.targets.regression import Regression
from workbench.data.targets.single_label import SingleLabel
from workbench.data.values import PAD, Padded, Rows
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
    """A file that was checked.

    Attributes:
        inputs: names with type and shape.
        output: what comes out, in words.
        items, deviation: how many real items were tried, and how far the farthest answer was from the live one.
        tokens: how many texts have to be padded to; 0 where any number will do.
    """

    title: ClassVar[str] = "Export"
    path: Path
    inputs: dict[str, str]
    output: str
    items: int
    deviation: float
    bytes: int
    tokens: int = 0

    def table(self) -> Table:
        """What goes in, what comes out, and how near it is."""
        rows: list[tuple[Any, ...]] = [("file", str(self.path)), ("bytes", self.bytes)]
        rows += [(f"input {name}", shape) for name, shape in self.inputs.items()]
        rows += [("output", self.output), ("items checked", self.items), ("largest deviation", self.deviation)]
        return Table(("what", "value"), rows)

    def notes(self) -> list[str]:
        """What the file holds beside the network, and how texts have to come."""
        beside = "Inside it as JSON: the outputs' names (classes), and how an item becomes the inputs (encoder)."
        return [beside, *([f"Texts are padded with {PAD} to {self.tokens} tokens."] if self.tokens else [])]


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
        if isinstance(target, MultiLabel):
            return output.float().sigmoid()
        # not predict(): the confidence that it adds is made for so many items, and would fix their number
        return target.values(output) if isinstance(target, Regression | Rating) else target.predict(output)[0]


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
        twin = Deployed(state, copy.deepcopy(model).cpu()).eval().requires_grad_(False)
        expected = twin(*stored)
        program, stored, free = _traced(twin, stored, state)
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / path.name
            run = (_write_torch if path.suffix == ".pt2" else _write_onnx)(program, made, state)
            deviation = _compared(run, stored, expected, free, path)
            content = made.read_bytes()
    with replacing(path) as file:
        file.write(content)
    described = {name: _shape(each, free and name == "ids") for name, each in zip(_INPUTS[kind], stored, strict=True)}
    tokens = 0 if free or kind != "text" else stored[0].shape[1]
    return Exported(path, described, _output(state), len(expected), deviation, len(content), tokens)


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


def _traced(module: nn.Module, stored: Tensors, state: State) -> tuple[torch.export.ExportedProgram, Tensors, bool]:
    """The program, what it takes, and whether texts may have any number of tokens.

    torch writes a recurrent layer out step by step, which fixes their number: then it is that of the longest text, and
    shorter ones are padded.
    """
    free = state.data.signature.kind == "text"
    try:
        return _program(module, stored, free), stored, free
    except DoesNotApply:
        if not free:
            raise
    ids, lengths = stored
    longest = getattr(state.data.encoder, "longest", None) or ids.shape[1]
    padded = (functional.pad(ids, (0, max(0, longest - ids.shape[1])), value=PAD), lengths)
    return _program(module, padded, False), padded, False


def _program(module: nn.Module, stored: Tensors, free: bool) -> torch.export.ExportedProgram:
    batch = torch.export.Dim("batch")
    shapes: list[dict[int, Any]] = [{0: batch} for _ in stored]
    if free:
        shapes[0][1] = torch.export.Dim("tokens")
    try:
        with _quiet():
            return torch.export.export(module, stored, dynamic_shapes=(tuple(shapes),))
    except Exception as error:  # torch has no one family for what it cannot trace
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise DoesNotApply(f"torch.export cannot take this network ({type(error).__name__}: {reason[:200]})") from error


def _meta(state: State) -> dict[str, str]:
    """What people need beside the network, as JSON: the outputs' names, and how an item becomes its inputs."""
    encoder = state.data.encoder
    described = {"class": type(encoder).__name__, "values": encoder.describe()}
    return {"classes": json.dumps(state.data.classes), "encoder": json.dumps(described)}


def _write_torch(program: torch.export.ExportedProgram, path: Path, state: State) -> Run:
    with _quiet():
        extra = {f"{name}.json": text for name, text in _meta(state).items()}
        torch.export.save(program, path, extra_files=extra)
        again = torch.export.load(path).module()
    return lambda stored: cast(torch.Tensor, again(*stored))


def _write_onnx(program: torch.export.ExportedProgram, path: Path, state: State) -> Run:
    import onnx
    import onnxruntime

    with _quiet():
        made = torch.onnx.export(
            program,
            dynamo=True,
            input_names=list(_INPUTS[state.data.signature.kind]),
            output_names=["answers"],
            verbose=False,
        )
    assert made is not None
    graph = made.model_proto
    onnx.helper.set_model_props(graph, _meta(state))
    onnx.save(graph, path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(stored: Tensors) -> torch.Tensor:
        given = {name.name: each.numpy() for name, each in zip(session.get_inputs(), stored, strict=True)}
        return torch.from_numpy(session.run(None, given)[0])

    return run


def _compared(run: Run, stored: Tensors, expected: torch.Tensor, free: bool, path: Path) -> float:
    """The largest deviation over batches of one, of some and of all items, and for texts over one that is shorter."""
    scale, worst = max(1.0, float(expected.abs().max())), 0.0
    parts = [(slice(count), tuple(each[:count] for each in stored)) for count in (1, max(1, len(expected) // 3))]
    parts.append((slice(None), stored))
    if free:  # the shortest text without its padding
        ids, lengths = stored
        at = int(lengths.argmin())
        parts.append((slice(at, at + 1), (ids[at : at + 1, : int(lengths[at])], lengths[at : at + 1])))
    for cut, inputs in parts:
        given, wanted = run(inputs), expected[cut]
        if given.shape != wanted.shape:
            raise WorkbenchError(
                f"gave {tuple(given.shape)} in place of {tuple(wanted.shape)}, nothing is written", where=str(path)
            )
        worst = max(worst, float((given - wanted).abs().max()))
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


def _shape(value: torch.Tensor, free: bool) -> str:
    if free:
        return "int64 (batch, tokens)"
    kind = str(value.dtype).removeprefix("torch.")
    return f"{kind} ({', '.join(['batch', *(str(size) for size in value.shape[1:])])})"


def _output(state: State) -> str:
    target, classes = state.data.target, state.data.classes
    what = "probabilities" if isinstance(target, SingleLabel | MultiLabel) else "values"
    return f"{what}, float32 (batch, {len(classes)})"
