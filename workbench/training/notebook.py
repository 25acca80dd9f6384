"""What can be asked of a learner in a notebook; none of it changes what a run of it comes to."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from workbench.training import saved
from workbench.training.explain import Text, explain

if TYPE_CHECKING:
    from workbench.training.audit import Findings
    from workbench.training.callbacks import Callback
    from workbench.training.learner import Learner
    from workbench.training.range_test import RangeTest
    from workbench.training.resolve import Resolved


class Asked:
    """The questions; :class:`workbench.training.learner.Learner` holds the loop and the stages."""

    def settings(self) -> Resolved:
        """Every setting that was left "auto" or follows from data and weights, as setting / value / why."""
        from workbench.training.resolve import resolved

        return resolved(cast("Learner", self))

    def lr_find(self) -> RangeTest:
        """A learning-rate range test on a copy of the model; where the rate is "auto", the one that finds it."""
        from workbench.training.range_test import range_test
        from workbench.training.resolve import resolved

        learner = cast("Learner", self)
        found = resolved(learner).tested if learner.fit.lr == "auto" else None
        return found or range_test(learner)

    def explain(self, callbacks: Sequence[Callback] = ()) -> Text:
        """What ``run`` does with these callbacks, in words: every stage and every hook in its place."""
        return explain(cast("Learner", self), callbacks)

    def audit(self) -> Findings:
        """Twelve checks of data, preparation, target and network, on a copy."""
        from workbench.training.audit import audit

        return audit(cast("Learner", self))

    def interpret(self) -> Any:
        """The trained network, opened: an :class:`workbench.interpret.interpretation.Interpretation`.

        Raises :class:`FieldError` before :meth:`Learner.run`.
        """
        # By name: interpret imports training, never back, and this is only the way to it from a prompt.
        return importlib.import_module("workbench.interpret.interpretation").Interpretation.of(self)

    def predict(self, given: Any, *, views: bool = False) -> Any:
        """Answers with labels for what is given: an item, a list, a folder or a file.

        See :func:`workbench.interpret.predict.predict`; ``views``: the mean over several views of each picture.

        Raises :class:`FieldError` before :meth:`Learner.run`, and for ``views`` of what are no pictures;
        :class:`DataError` for what is no such item.
        """
        return self.interpret().predict(given, views=views)

    def save(self, path: Path | str) -> None:
        """Writes what has been learnt to one .safetensors file, for :meth:`load` and for models that start from it.

        ``Pretrained(path)`` and ``TextNetwork(weights=path)`` take it. See :func:`workbench.training.saved.save`.

        Raises :class:`FieldError` before :meth:`Learner.run`, :class:`RecordError` when it cannot be written.
        """
        saved.save(cast("Learner", self), path)

    def load(self, path: Path | str) -> Self:
        """This learner with what the file holds in place of a run: ``Fruit().load(path).predict(photo)``.

        See :func:`workbench.training.saved.load`.

        Raises :class:`DataError` for a file that is missing, damaged or of other data, :class:`RecordError` for one of
        another network.
        """
        saved.load(cast("Learner", self), path)
        return self
