"""What matters when a network reads one number, how likely a solar cell is defective, off a picture of it?

Each arm changes one choice of the usual recipe: how much of the pre-trained network is trained, whether it is
pre-trained at all, the loss, bounds of the output, and augmentation. README.md says what was claimed of each.
"""

import torch

from workbench import (
    Augment,
    Cell,
    Choice,
    Claim,
    Experiment,
    FineTune,
    ImageTable,
    Learner,
    Network,
    Norm,
    Pretrained,
    Tier,
)
from workbench.data.targets.regression import Regression
from workbench.streams import uniform

LOW, HIGH = -0.1, 1.1
"""What a bounded output reaches: a tenth beyond what occurs, as a sigmoid never gets to its ends."""


class Turns(Augment):
    """The eight ways to lay a square on itself, each as likely: a cell has no up and no left."""

    def apply(self, images, index, *, seed, epoch, size=None):
        """As :meth:`Augment.apply`; the draw belongs to (seed, epoch, item)."""
        images = super().apply(images, index, seed=seed, epoch=epoch, size=size)
        across, down, diagonal = (uniform(seed, "turns", epoch, index=index, draws=3) < 0.5).T[:, :, None, None, None]
        images = torch.where(across, images.flip(-1), images)
        images = torch.where(down, images.flip(-2), images)
        return torch.where(diagonal, images.transpose(-1, -2), images)


class FineTuned(Learner):
    """All weights of ImageNet's MobileNetV2, squared error, an output without bounds: the reference."""

    data = ImageTable("data/elpv.zip", "probability", size=96, margin=1.0, train=400)
    model = Pretrained("data/mobilenet_v2.pth")
    fit = FineTune(epochs=4, batch=32, lr=1e-3)


class HeadOnly(FineTuned):
    """A fresh head on ImageNet's features as they are: a linear probe."""

    model = FineTuned.model.but(norm=Norm(stats="running", affine=False))
    fit = FineTuned.fit.but(scope="head")
    confounded = "fixed features are both: no weight below the head trains, and no statistic of theirs moves"


class Scratch(FineTuned):
    """The same network from random weights."""

    model = Network("mobilenet_v2")


class Absolute(FineTuned):
    """Absolute instead of squared error."""

    data = FineTuned.data.but(target=Regression(criterion="l1"))


class Bounded(FineTuned):
    """The output goes through a sigmoid that is stretched a little beyond 0 and 1 (fast.ai's y_range)."""

    def forward(self, model, x):
        """In the target's standardised units, as the loss takes it."""
        target = self.expects.target
        own = LOW + (HIGH - LOW) * torch.sigmoid(super().forward(model, x).float())
        return (own - target.mean[0]) / target.std[0]


class Turned(FineTuned):
    """Each cell is turned and mirrored at random in training."""

    data = FineTuned.data.but(augment=Turns())


BY = 0.005
"""The smallest difference worth a word: a hundred-and-fiftieth of the range, 1 to 2 % of the errors."""

claims = [
    Claim.lower(
        FineTuned,
        HeadOnly,
        by=BY,
        name="R1",
        why="Kornblith et al. 2019 found fine-tuning mostly better than fixed features; these grey pictures are "
        "far from ImageNet",
    ),
    Claim.lower(
        FineTuned,
        Scratch,
        by=BY,
        name="R2",
        why="400 pictures are few to learn everything from; Kornblith et al. saw minimal benefits on two small sets",
    ),
    Claim.differs(Bounded, FineTuned, by=BY, name="R3", why="fast.ai recommends y_range; we know of no numbers"),
    Claim.lower(
        Absolute, FineTuned, by=BY, measure="test/mae", name="R4", why="each loss ought to be best by its own measure"
    ),
    Claim.higher(Absolute, FineTuned, by=BY, name="R5", why="the same the other way round"),
    Claim.lower(
        Turned,
        FineTuned,
        by=BY,
        name="R6",
        why="a turned cell is as defective, so that each picture is worth eight; four epochs may be too few for it",
    ),
]

experiment = Experiment(
    baseline=FineTuned,
    arms=[HeadOnly, Scratch, Absolute, Bounded, Turned],
    seeds=10,
    first_seed=100,
    measure="test/rmse",
    cells=[Cell("cells", about="400 solar cells to train, 525 to test, 96 pixels")],
    claims=claims,
    choose=Choice(field="fit__lr", values=[1e-3, 3e-3, 1e-2, 3e-2], measure="validation/rmse"),
    tiers={
        "smoke": Tier(
            arms=[FineTuned, HeadOnly, Bounded],
            seeds=1,
            changes={"data__train": 120, "fit__epochs": 1},
            choosing=False,
            minutes=0.5,
        ),
        "default": Tier(seeds=3, minutes=3),
        "full": Tier(minutes=9),
        "gpu": Tier(changes={"data__size": 288, "data__train": None, "fit__epochs": 30, "fit__batch": 64}),
    },
)
