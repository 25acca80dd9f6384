"""The Learner: one training run described, and the loop that runs it, top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from workbench import streams
from workbench.data.items import Data
from workbench.data.loading import Batch, Batches
from workbench.errors import FieldError, nearest
from workbench.models.choice import choose
from workbench.models.groups import Trained
from workbench.models.model import Model
from workbench.models.norm import Norm, apply_norm
from workbench.parts import arguments
from workbench.streams import Seeds
from workbench.training import checkpoint, distributed, optim
from workbench.training.callbacks import Callback, Hooks, listed
from workbench.training.device import Level, pick_device, pick_threads, reproducible, seed_step
from workbench.training.diagnostics import DIAGNOSTICS, measure_statistics
from workbench.training.evaluation import evaluate
from workbench.training.fields import Described
from workbench.training.generators import own_generators
from workbench.training.given import fitting, grouped, optimizing, scalar, seen, stepped
from workbench.training.mixed import mixed
from workbench.training.notebook import Asked
from workbench.training.pieces import pieces
from workbench.training.precision import Precision, compile_forward, pick_numbers
from workbench.training.prepared import Prepared
from workbench.training.recipes import OneCycle, Recipe
from workbench.training.result import Result
from workbench.training.single_items import refuse_single_items
from workbench.training.stages import stage_hashes
from workbench.training.stand_in import settle, standing_in
from workbench.training.state import State, whole
from workbench.training.trials import Trial

if TYPE_CHECKING:
    from workbench.training.resolve import Resolved


class Learner(Asked, Described):
    """Base of every arm: subclass it, set ``data``, ``model`` and ``fit``, override the stage that differs.

    Fields (class attributes):
        data, model, fit: parts that say what is learnt from, what learns, and how. Model "auto" takes the network
            that :func:`workbench.models.choice.choose` finds for the data.
        recalibrate: re-estimate batch-norm statistics on the training items ``"before"`` or ``"after"`` training.
        diagnostics: names of extra measurements after training: train, train_mode, recalibrated, views, forced.
        validate: "epoch" holds the validation items out of training and evaluates on them after every epoch.
        precision: "float32" or "bfloat16"; "auto" is bfloat16 on a GPU that can, unless the level is strict.
        compile: whether torch compiles the network's forward pass, once for each shape.
        level: how strictly a run repeats itself: "fast", "seeded", "strict", see
            :func:`workbench.training.device.reproducible`.
        confounded: why this arm may change two things at once.

    Stages (methods): :meth:`inputs`, :meth:`forward`, :meth:`loss`, :meth:`metrics`, :meth:`groups`,
    :meth:`optimizer`, :meth:`step`, :meth:`callbacks`.

    Args:
        seeds: the seed tuple, or one number for all of it.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``. Below torchrun each process takes its own GPU; see
            :mod:`workbench.training.distributed`.
        threads: CPU threads of torch; part of what makes a run repeat bit for bit.
        root: the folder that data paths are relative to; by default the current one.
        sources: weights (``.wb/runs/RUN/weights.safetensors``) of other experiments, by the name a model gives them.

    Raises :class:`FieldError` for a field without a value, an argument, a diagnostic or a device that there is not.
    """

    data: Data
    model: Model | Literal["auto"] = "auto"
    fit: Recipe = OneCycle()
    recalibrate: Literal["never", "before", "after"] = "never"
    diagnostics: tuple[str, ...] = ()
    validate: Literal["never", "epoch"] = "never"
    precision: Precision = "auto"
    compile: bool = False
    level: Level = "seeded"
    confounded: str = ""

    @arguments
    def __init__(
        self,
        seeds: Seeds | int = 0,
        *,
        device: str = "auto",
        threads: int = 1,
        root: Path | str = ".",
        sources: Mapping[str, Path] | None = None,
    ) -> None:
        self.fields()
        for name in self.diagnostics:
            if name not in DIAGNOSTICS:
                raise FieldError(f"'{name}' is not a diagnostic{nearest(name, DIAGNOSTICS)}")
        self.seeds = Seeds.of(seeds) if isinstance(seeds, int) else seeds
        self.ranks = distributed.ranks()
        self.device = self.ranks.place(pick_device(device))
        self.numbers = pick_numbers(self.precision, self.device, self.level)
        self.threads = pick_threads(threads)
        self.root = Path(root)
        self.sources = dict(sources or {})
        self.recipe = self.fit
        self.network = self.model
        self.prepared: Prepared | None = None
        self.state: State | None = None
        self.found: Resolved | None = None
        self.progress = 0.0
        self.depth = 0

    @property
    def expects(self) -> Prepared:
        """What data and model agreed on; raises :class:`FieldError` until :meth:`begin` has built them."""
        if self.prepared is None:
            raise FieldError(f"{type(self).__name__} has no model yet", hint="Call begin() or run() first")
        return self.prepared

    @property
    def batch_size(self) -> int:
        """Items a step."""
        return int(self.recipe.batch)

    @property
    def micro(self) -> int | None:
        """Items of one forward pass; None: the whole batch."""
        return None if self.recipe.micro is None else int(self.recipe.micro)

    @property
    def norm(self) -> Norm:
        """The normalisation policy of the network."""
        assert isinstance(self.network, Model)
        return self.network.norm

    @property
    def trains(self) -> Trained:
        """What trains at this point of the run: the recipe's scope, or how many layer groups from the head down."""
        return self.recipe.trained(self.progress, self.depth)

    @classmethod
    def stages(cls) -> dict[str, str]:
        """Hashes of the methods that differ from the library's, see :func:`workbench.training.stages.stage_hashes`."""
        return stage_hashes(cls, Learner)

    # ---- stages -------------------------------------------------------------------------------------------------

    def inputs(self, batch: Batch, *, training: bool, epoch: int = 0) -> Any:
        """What the model sees: prepared on the device, augmented when training; see the data's preparation."""
        return self.expects.preparation(
            batch, training=training, seed=self.seeds.augment, epoch=epoch, progress=self.progress
        )

    def forward(self, model: nn.Module, x: Any) -> torch.Tensor:
        """The model's output for prepared inputs x: (b, outputs), or (b, tokens, outputs) where every token has one."""
        output: torch.Tensor = model(x)
        return output

    def loss(self, output: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Mean loss of ``output`` over the batch, a scalar; the target's own loss unless overridden."""
        return self.expects.target.loss(fitting(self, output, batch), batch.y, smoothing=self.recipe.smoothing)

    def metrics(self, output: torch.Tensor, y: Any) -> dict[str, torch.Tensor]:
        """Per-item values (b,) of ``output`` against ``y``, by name, on the device; evaluation reports their means."""
        return self.expects.target.metrics(output, y)

    def groups(self, model: nn.Module) -> optim.Groups:
        """Layer groups from input to head, as (name, modules)."""
        groups: optim.Groups = model.groups()  # type: ignore[operator]
        return groups

    def optimizer(self, groups: optim.Groups) -> torch.optim.Optimizer:
        """The optimizer over all groups, frozen ones included.

        Before each step the loop sets the rate of each of its parameter groups: the recipe's ``lr`` times the schedule,
        times the parameter group's own ``factor`` where it has one. The rate that it is made with does not count.
        """
        return optim.build_optimizer(groups, self.recipe)

    def callbacks(self) -> Sequence[Callback]:
        """Callbacks that belong to this learner; they run before those passed to :meth:`run`.

        A checkpoint keeps what they give in :meth:`Callback.state_dict`.
        """
        return ()

    def step(self, state: State, hooks: Hooks) -> None:
        """One optimizer step on ``state.batch``: forward, loss, backward, gradients, update.

        A batch larger than ``fit.micro`` goes through in pieces whose losses weigh by what they are the mean over:
        items, or tokens. ``hooks``: the callbacks, of which this calls "after_loss" and "after_backward".
        """
        model, target = state.model, self.expects.target
        assert state.batch is not None
        losses: list[torch.Tensor] = []
        for piece, weight in self.ranks.together(model, pieces(state.batch, self.micro, target.count, self.ranks)):
            x = seen(self, self.inputs(piece, training=True, epoch=state.epoch))
            if self.recipe.mix is not None:
                x, piece = mixed(self, self.recipe.mix, x, piece, state)
            with self.numbers.autocast():
                output = self.forward(model, x)
            state.loss = scalar(self, self.loss(self.numbers.full(output), piece), output)
            _call(hooks, "after_loss", state)
            share = state.loss if weight == 1 else state.loss * weight
            share.backward()
            losses.append(share.detach())
        total = self.ranks.sum(model, sum(losses[1:], losses[0]))
        _call(hooks, "after_backward", state)
        if self.recipe.clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), self.recipe.clip)
        state.optimizer.step()
        state.optimizer.zero_grad(set_to_none=True)
        state.loss = total

    # ---- the run ------------------------------------------------------------------------------------------------

    def run(
        self,
        *,
        callbacks: Iterable[Callback] = (),
        resume: Path | str | None = None,
        trained: Path | str | None = None,
        choosing: bool = False,
    ) -> Result:
        """Trains, evaluates, and returns the :class:`Result`.

        Args:
            callbacks: these run after the learner's own, in this order.
            resume: a checkpoint to go on from, bit for bit; ignored when the file is not there.
            trained: weights of a run that trained identically; training is skipped, what comes after it is done.
            choosing: hold the validation items out of training and evaluate on them alone.

        Raises :class:`DivergedError` when the loss stops being finite, :class:`DataError`, :class:`FieldError`.
        """
        began = time.monotonic()
        own = own_generators(self.seeds.order, "run", device=self.device)
        with reproducible(self.level, self.threads, self.device), own, whole(self):
            for trial in self._resolve():
                trial.answer = trial.do()
            state = self.state = self.begin(choosing=choosing)
            state.callbacks = listed(self.callbacks(), f"{type(self).__name__}.callbacks()")
            state.passed = listed(callbacks, "callbacks")
            hooks = Hooks([*state.callbacks, *state.passed])
            if trained is None:
                refuse_single_items(self, state)
            kept = checkpoint.Checkpoint(Path(resume)) if resume is not None and Path(resume).exists() else None
            _put(kept, state)
            _call(hooks, "begin", state)
            _put(kept, state)
            checkpoint.refuse_unkeepable(state)
            if trained is not None:
                checkpoint.load_weights(Path(trained), state.model)
            else:
                self._train(state, hooks, kept)
            result = self._finish(state, hooks, began, choosing=choosing)
            _call(hooks, "end", state)
        return result

    def begin(self, *, choosing: bool = False) -> State:
        """Data, model and optimizer, ready for the first step; "auto" is resolved by now, ``choosing`` as in a run."""
        self.ranks.join(self.device)
        for trial in self._resolve():
            trial.answer = trial.do()
        data = self.data.load(self.seeds, self.root, choosing=choosing or self.validate == "epoch")
        if self.network == "auto":
            self.network = choose(data.signature, len(data.train), self.root).model
        if self.recipe.weight_decay is None:
            self.recipe = self.recipe.but(weight_decay=0.01)
        if self.recipe.body_lr is None:
            gentle = self.network.starts_from_weights and data.signature.kind == "image"
            self.recipe = self.recipe.but(body_lr=0.3 if gentle else 1.0)
        model = self.network.build(data.signature, seeds=self.seeds, root=self.root, sources=self.sources)
        preparation = self.data.preparation(data, model)
        self.prepared = Prepared(data.target, data.signature, preparation, data.encoder, data.classes)
        # channels last in memory is for convolutions; anything else keeps its layout
        layout: dict[str, Any] = {"memory_format": torch.channels_last} if data.signature.kind == "image" else {}
        model = self.ranks.synchronised(model, self.device).to(self.device, **layout)
        if self.compile:
            compile_forward(model, data.signature.kind, self.batch_size, self.micro)
        self.progress, self.depth = 0.0, len(model.groups())  # type: ignore[operator]
        apply_norm(model, self.norm, self.trains)
        groups = grouped(self, self.groups(model))
        optim.refuse_left_out(model, groups, where=type(self).__name__)
        steps_per_epoch = math.ceil(len(data.train) / self.batch_size)
        return State(
            learner=self,
            model=model,
            optimizer=optimizing(self, self.optimizer(groups)),
            data=data,
            device=self.device,
            steps_per_epoch=steps_per_epoch,
            steps=steps_per_epoch * int(self.recipe.epochs),
        )

    def _resolve(self) -> Iterator[Trial]:
        """Fills in what is "auto" in the recipe. Who calls it does the trials: a mistake in one shows few frames."""
        if "auto" in (getattr(self.fit, name) for name in self.fit.fields()):
            from workbench.training.resolve import resolving

            self.found = self.found or (yield from resolving(self))
            self.recipe = type(self).but(**self.ranks.agree(self.found.changes)).fit

    def _train(self, state: State, hooks: Hooks, kept: checkpoint.Checkpoint | None = None) -> None:
        if self.recalibrate == "before" and state.step == 0:
            measure_statistics(self, state)
        while state.inside or (state.epoch < int(self.recipe.epochs) and not state.stopped()):
            self.progress = state.step / state.steps
            self.train_mode(state.model)
            again, state.inside = state.inside, True
            _call(hooks, "epoch_begin", state)
            if again:  # the checkpoint was made inside this epoch
                _put(kept, state)
                state.batch = next(iter(self._batches(state, back=1)), None)
            for batch in () if again and state.stopped() else self._batches(state):
                state.batch = batch
                seed_step(state.device, streams.key(self.seeds.order, "step", state.step, *self.ranks.own))
                self.progress = state.step / state.steps
                if self.recipe.thaws(state.step, state.steps, self.depth):
                    self.train_mode(state.model)
                optim.set_lr(state.optimizer, float(self.recipe.lr) * self.recipe.factor(self.progress))
                _call(hooks, "step_begin", state)
                self.step(state, hooks)
                state.step += 1
                state.remember_loss(stepped(self, state.loss))
                _call(hooks, "step_end", state)
                if state.stopped():
                    break
            state.flush()
            if self.validate == "epoch" and state.validated != state.step:
                self._validate(state, hooks)
            state.inside, state.epoch = False, state.step // state.steps_per_epoch
            _call(hooks, "epoch_end", state)

    def train_mode(self, model: nn.Module) -> None:
        """The only caller of ``train()``: the normalisation policy is applied anew every time."""
        model.train()
        apply_norm(model, self.norm, self.trains)
        self.ranks.refuse_separate_statistics(model, self.device)

    def _validate(self, state: State, hooks: Hooks) -> None:
        """Recorded as ``validation/*``; the stand-in's numbers where there is one."""
        assert state.data.validation is not None
        state.validated = state.step
        with standing_in(self, state):
            values, _ = evaluate(self, state, state.data.validation)
        state.metrics = {f"validation/{key}": value for key, value in self.ranks.agree(values).items()}
        state.record(state.metrics)
        _call(hooks, "evaluated", state)

    def _batches(self, state: State, back: int = 0) -> Iterable[Batch]:
        start = max(0, state.step - state.epoch * state.steps_per_epoch - back)
        items, batch = state.data.train, self.batch_size
        order = self.data.order(items, seed=self.seeds.order, epoch=state.epoch, batch=batch)
        return Batches(items, batch=batch, device=state.device, order=order, start=start)

    def _finish(self, state: State, hooks: Hooks, began: float, *, choosing: bool) -> Result:
        # what trained last, where this process did no step: it took up a run at its end, or was given the weights
        self.progress = ((state.step or state.steps) - 1) / state.steps
        settle(self, state)
        if self.recalibrate == "after":
            measure_statistics(self, state)
        name = "validation" if choosing else "test"
        state.model.eval()
        items = state.data.validation if choosing else state.data.test
        if items is None:
            raise FieldError(f"there are no {name} items to evaluate on", hint="Set data.validation above 0")
        values, predictions = evaluate(self, state, items)
        state.metrics = {f"{name}/{key}": value for key, value in self.ranks.agree(values).items()}
        if not choosing:
            for each in self.diagnostics:
                state.metrics.update(DIAGNOSTICS[each](self, state))
        state.record(state.metrics)
        _call(hooks, "evaluated", state)
        constant = state.data.target.constant(state.data.train.targets, items.targets)
        return Result(
            metrics=state.metrics,
            history=state.history,
            predictions=predictions,
            model=state.model,
            classes=state.data.classes,
            seconds=time.monotonic() - began,
            constant={f"{name}/{key}": value for key, value in constant.items()},
        )


def _put(kept: checkpoint.Checkpoint | None, state: State) -> None:
    """Repeated after events: what a callback does at a begin must not be done twice to weights, state and streams."""
    if kept is not None:
        kept.put(state)


def _call(hooks: Hooks, event: str, state: State) -> None:
    for hook in hooks[event]:
        hook(state)
