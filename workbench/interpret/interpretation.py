"""Everything that can be seen of a trained network, in one place for a notebook and for ``wb inspect``."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from workbench.errors import FieldError
from workbench.interpret import projection
from workbench.interpret.activations import Activations, activations
from workbench.interpret.answers import Answers, answer
from workbench.interpret.attention import Attention, attention, attention_at
from workbench.interpret.calibration import Calibration, calibrate
from workbench.interpret.confusion import Confusion, Labels, confusion
from workbench.interpret.curves import Curves, curves
from workbench.interpret.export import Exported, export
from workbench.interpret.looking import item_at
from workbench.interpret.predict import Prediction, Predictions, predict
from workbench.interpret.slices import LEAST, Slices, slices
from workbench.interpret.summary import Summary, summarise
from workbench.interpret.top_losses import TopLosses, top_losses
from workbench.interpret.traits import traits
from workbench.interpret.view import DoesNotApply, View

if TYPE_CHECKING:
    from workbench.training.learner import Learner
    from workbench.training.result import Result
    from workbench.training.state import State


class Interpretation:
    """A trained network, opened. Each method gives a :class:`~workbench.interpret.view.View`.

    A view shows itself in a notebook, prints as a table, and has ``table()``, ``notes()``, ``figure()`` and ``save()``.
    Methods that say nothing about this kind of data raise :class:`~workbench.interpret.view.DoesNotApply`; nothing here
    changes the network, the random state or the numbers of a run.

    Args:
        state: of a run that has ended: learner, network, data, history.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self._answers: dict[str, Answers] = {}

    @classmethod
    def of(cls, learner: Learner, result: Result | None = None) -> Self:
        """What ``learner`` has learnt; with ``result`` the network of that run of it.

        Raises:
            FieldError: it has not been run.
        """
        if learner.state is None:
            raise FieldError(f"{type(learner).__name__} has not been run", hint="Call run() first")
        state = learner.state
        if result is not None and result.model is not state.model:
            state = copy.copy(state)
            state.model, state.history = result.model, result.history
        return cls(state)

    @property
    def split(self) -> str:
        """The split that is looked at unless another is named: the one that the run was evaluated on at its end."""
        choosing = any(name.startswith("validation/") for name in self.state.metrics)
        return "validation" if choosing else "test"

    def answers(self, split: str = "") -> Answers:
        """What the network answers on a split, computed once."""
        name = split or self.split
        if name not in self._answers:
            self._answers[name] = answer(self.state, name)
        return self._answers[name]

    # ---- the network ---------------------------------------------------------------------------------------------

    def summary(self) -> Summary:
        """Every layer: type, output, parameters, whether it trains, its group."""
        return summarise(self.state)

    def activations(self, split: str = "train", *, most: int = 512) -> Activations:
        """Statistics of every layer's activations over ``most`` items, and gradients of one step on a copy."""
        return activations(self.state, split, most=most)

    def curves(self) -> Curves:
        """Losses, metrics and the learning rate over the run."""
        return curves(self.state.history, self.state.learner.recipe, self.state.steps)

    def features(self, split: str = "") -> projection.Projection:
        """What goes into the head, in two dimensions."""
        return projection.features(self.state, split or self.split)

    def embeddings(self) -> projection.Projections:
        """Every table of embeddings, in two dimensions, by name."""
        return projection.embeddings(self.state)

    def attention(self, item: Any = None, *, position: int = 0, split: str = "", layer: int = -1) -> Attention:
        """Which tokens of ``item``, a text or the source of a pair, the network looks at.

        Without one: of the item at ``position`` (from 0) in a split, token for token as it is stored.
        """
        if item is not None:
            return attention(self.state, item, layer=layer)
        return attention_at(self.state, split or self.split, position, layer=layer)

    # ---- its answers ---------------------------------------------------------------------------------------------

    def confusion(self, split: str = "") -> Confusion | Labels:
        """Which classes are taken for which; of several labels, which are missed and invented."""
        return confusion(self.answers(split))

    def top_losses(self, most: int = 12, split: str = "") -> TopLosses:
        """The items on which it is most wrong, shown."""
        return top_losses(self.answers(split), self.state.data.encoder, most)

    def calibration(self, split: str = "") -> Calibration:
        """Whether confidences can be believed, and the temperature that would help."""
        held = self.state.data.validation is not None and (split or self.split) != "validation"
        return calibrate(self.answers(split), self.answers("validation") if held else None)

    def slices(self, split: str = "", *, least: int = LEAST) -> Slices:
        """Where it is worse than elsewhere, held against chance."""
        found = self.answers(split)
        return slices(found, traits(self.state, found), least=least)

    def predict(self, given: Any, *, views: bool = False) -> Prediction | Predictions:
        """The answer for a new item, or answers for a list, a folder of pictures or a file of rows.

        With ``views`` each picture is looked at several times and the answers are averaged.
        """
        return predict(self.state, given, views=views)

    def export(self, path: Path | str) -> Exported:
        """Writes a ``.pt2`` or ``.onnx`` file with preparation and activation, checked against the live network."""
        return export(self.state, Path(path))

    # ---- all of it -----------------------------------------------------------------------------------------------

    def views(self, item: int = 0) -> Iterator[tuple[str, View | DoesNotApply]]:
        """Every view by name, or why it says nothing here; ``item``: whose attention, its position in the split."""
        item_at(self.state, self.split, item)  # refused before anything is computed
        makers: dict[str, Callable[[], View]] = {
            "summary": self.summary,
            "curves": self.curves,
            "activations": self.activations,
            "confusion": self.confusion,
            "top_losses": self.top_losses,
            "calibration": self.calibration,
            "slices": self.slices,
            "features": self.features,
            "attention": functools.partial(self.attention, position=item),
        }
        for name, make in makers.items():
            yield name, _tried(make)
        try:
            yield from ((f"embeddings_{_file_name(name)}", each) for name, each in self.embeddings().items())
        except DoesNotApply as why:
            yield "embeddings", why

    def write(self, folder: Path | str) -> dict[str, str]:
        """Writes every view that applies into a folder; ``{name: why}`` of those that do not."""
        left_out = {}
        for name, view in self.views():
            if isinstance(view, DoesNotApply):
                left_out[name] = str(view)
            else:
                view.save(Path(folder), name)
        return left_out

    def __repr__(self) -> str:
        state = self.state
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in state.metrics.items())
        looks = ", ".join(name for name in vars(Interpretation) if not name.startswith("_") and name not in _OTHER)
        return f"{type(state.learner).__name__}: {numbers or 'not evaluated'}\nTo look at: {looks}"


_OTHER = ("of", "split", "answers", "views", "write")


def _tried(make: Callable[[], View]) -> View | DoesNotApply:
    try:
        return make()
    except DoesNotApply as why:
        return why


def _file_name(name: str) -> str:
    return "".join(each if each.isalnum() or each in "-_." else "_" for each in name)
