"""How large should the learning rate be, and how should it change over a run and over a network's layers?

Three small questions. Does the range test find what a grid finds (all cells)? Which schedule wins at an equal budget
(clothes, few clothes)? Do discriminative rates and gradual unfreezing help fine-tuning (digits)?
README.md says what the papers claim, and what the cells can show.
"""

import math

from workbench import (
    Augment,
    Callback,
    Cell,
    Choice,
    Claim,
    Experiment,
    GradualUnfreeze,
    ImageArrays,
    ImageFolder,
    Learner,
    Network,
    OneCycle,
    Pretrained,
    Restarts,
    Table,
    TabularNetwork,
    Tier,
)
from workbench.training.range_test import range_test


class TakesRate(Callback):
    """Takes the arm's own rate at the start of a run, and records how far that is from the grid's best.

    ``rate/used``; ``rate/distance``, the natural logarithm of the factor between the two; ``rate/far``, 1 where the
    factor is above 3. While the grid is being tried, every arm trains with the grid's value.
    """

    def begin(self, state):
        learner = state.learner
        best = float(learner.recipe.lr)
        used = best if state.data.validation is not None else learner.chosen(best)
        learner.recipe = learner.recipe.but(lr=used)
        distance = abs(math.log(used / best))
        state.record({"rate/used": used, "rate/distance": distance, "rate/far": float(distance > math.log(3))})


class Grid(Learner):
    """One cycle at the best rate of a grid, chosen on validation data: the reference."""

    data = ImageArrays("data/fashion_mnist.npz", train=2_000)
    model = Network("resnet8")
    fit = OneCycle(epochs=6, batch=32, lr=0.1, optimizer="sgd", weight_decay=5e-4, body_lr=1.0)

    def chosen(self, best):
        """The rate of the run, given the grid's best."""
        return best

    def callbacks(self):
        """The rate is taken when the run begins."""
        return [TakesRate()]


class Suggested(Grid):
    """The rate that a range test suggests, measured anew for each seed."""

    def chosen(self, best):
        """What the steepest fall of the loss suggests."""
        return range_test(self).suggestion


class Constant(Grid):
    """One rate throughout."""

    fit = Grid.fit.but(schedule="constant")


class StepDecay(Grid):
    """A tenth of the rate from the middle on, a hundredth for the last quarter (He et al. 2016)."""

    fit = Grid.fit.but(schedule="step_decay")


class WarmRestarts(Grid):
    """Two cosine cycles, of two epochs and four (SGDR, Loshchilov & Hutter 2017)."""

    fit = Restarts(epochs=6, batch=32, lr=0.1, optimizer="sgd", weight_decay=5e-4, body_lr=1.0, cycles=2)


class WarmRestartsHalf(WarmRestarts):
    """The same in half the budget: cycles of one epoch and two."""

    fit = WarmRestarts.fit.but(epochs=3)


class Discriminative(Grid):
    """Each layer group at 0.85 of the rate of the one above it (Howard & Ruder 2018, section 3.2)."""

    fit = Grid.fit.but(layer_decay=0.85)


class Gradual(Grid):
    """From the head down, one layer group more at a time (Howard & Ruder 2018, section 3.3)."""

    fit = GradualUnfreeze(epochs=6, batch=32, lr=1e-3, optimizer="adamw", weight_decay=0.01, body_lr=1.0)


class GradualDiscriminative(Gradual):
    """Both."""

    fit = Gradual.fit.but(layer_decay=0.85)


adamw = {"fit__optimizer": "adamw", "fit__weight_decay": 0.01}

clothes = Cell(
    "clothes",
    arms=[Grid, Suggested, Constant, StepDecay, WarmRestarts, WarmRestartsHalf],
    about="a ResNet-8 from scratch on 2,000 pictures of Fashion-MNIST, 6 epochs, SGD",
)
few = Cell(
    "few clothes",
    arms=[Grid, Constant, StepDecay],
    about="a quarter of the pictures, as many steps",
    data=ImageArrays("data/fashion_mnist.npz", train=500),
    fit__epochs=24,
)
census = Cell(
    "census",
    arms=[Grid, Suggested],
    grid=[5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2],
    about="entity embeddings and a perceptron on 4,000 rows, 6 epochs, AdamW",
    data=Table("data/adult.csv", "income", train=4_000),
    model=TabularNetwork(),
    **adamw,
)
photos = Cell(
    "photos",
    arms=[Grid, Suggested, Discriminative, Gradual, GradualDiscriminative],
    grid=[2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2],
    about="ImageNet's MobileNetV2 fine-tuned on 280 photos of 14 kinds of fruit, 64 pixels, 6 epochs, AdamW",
    data=ImageFolder("data/grocery.zip", size=64, train=280, augment=Augment(flip=True)),
    model=Pretrained("data/mobilenet_v2.pth"),
    **adamw,
)

cells = [clothes, few, census, photos]

# At the papers' scale as far as the data allow: a ResNet-20 on CIFAR-10, 10,000 steps.
augmented = Augment(flip=True, shift=0.125)
long = {"model": Network("resnet20"), "fit__batch": 128}
cifar = Cell(
    "cifar",
    arms=[Grid, Suggested, Constant, StepDecay],
    seeds=5,
    about="a ResNet-20 on all of CIFAR-10, 26 epochs, SGD",
    data=ImageArrays("data/cifar10.npz", augment=augmented),
    fit__epochs=26,
    **long,
)
few_cifar = Cell(
    "few cifar",
    arms=[Grid, Constant, StepDecay],
    seeds=5,
    about="a quarter of the pictures, as many steps",
    data=ImageArrays("data/cifar10.npz", train=12_500, augment=augmented),
    fit__epochs=104,
    **long,
)
large_photos = Cell(
    "photos, 224 pixels",
    arms=[Grid, Suggested, Discriminative, Gradual, GradualDiscriminative],
    grid=[2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2],
    about="all 732 photos at the size of the pre-training",
    data=ImageFolder("data/grocery.zip", size=224, augment=Augment(flip=True, crop=0.5)),
    model=Pretrained("data/mobilenet_v2.pth"),
    **adamw,
)

claims = [
    Claim.equal(
        Suggested,
        Grid,
        within=0.10,
        cell="clothes",
        name="R1",
        why="the range test is said to replace the grid; 10 % of the error is what a user would notice",
    ),
    Claim.equal(
        Suggested,
        Grid,
        within=0.05,
        cell="census",
        name="R2",
        why="the grid's own validation errors differ by 5 % over two decades: a narrower margin than elsewhere",
    ),
    Claim.equal(Suggested, Grid, within=0.10, cell="photos", name="R3", why="the same for fine-tuning"),
    Claim.lower(
        Grid,
        StepDecay,
        cell="clothes",
        name="S1",
        why="super-convergence: one cycle with a large rate beats piecewise constant rates at a small budget",
    ),
    Claim.lower(
        Grid,
        StepDecay,
        cell="few clothes",
        name="S2",
        why="its advantage is said to grow as labelled data shrink; two seeds of a prototype showed none",
    ),
    Claim.lower(Grid, Constant, cell="clothes", name="S3", why="the rate has to fall in the end"),
    Claim.lower(
        WarmRestartsHalf,
        Constant,
        cell="clothes",
        name="S4",
        why="warm restarts are said to need half of the epochs or fewer; two seeds of a prototype said so too",
    ),
    Claim.equal(
        Gradual,
        Grid,
        within=0.10,
        cell="photos",
        name="F1",
        why="ULMFiT's table: gradual unfreezing alone equals full fine-tuning (6.37, 6.86, 5.81 and 6.87, 6.86, 5.81)",
    ),
    Claim.lower(
        GradualDiscriminative,
        Grid,
        cell="photos",
        name="F2",
        why="ULMFiT's table: with discriminative rates it wins on two of three sets (5.39, 5.86 against 6.87, 6.86)",
    ),
    Claim.lower(
        Discriminative,
        Grid,
        cell="photos",
        name="F3",
        why="ULMFiT's table: discriminative rates alone win on all three sets (5.57, 6.21, 5.62)",
    ),
]

experiment = Experiment(
    baseline=Grid,
    arms=[
        Suggested,
        Constant,
        StepDecay,
        WarmRestarts,
        WarmRestartsHalf,
        Discriminative,
        Gradual,
        GradualDiscriminative,
    ],
    seeds=10,
    first_seed=100,
    cells=[*cells, cifar, few_cifar, large_photos],
    claims=claims,
    choose=Choice(field="fit__lr", values=[0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0], seeds=4),
    tiers={
        "smoke": Tier(cells=[census], seeds=1, changes={"fit__lr": 3e-3}, choosing=False, minutes=0.3),
        "default": Tier(cells=[clothes], seeds=3, minutes=1),
        "full": Tier(cells=cells, minutes=7),
        "gpu": Tier(cells=[cifar, few_cifar, large_photos]),
    },
)
