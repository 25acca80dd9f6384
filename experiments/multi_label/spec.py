"""Which loss should a network learn several labels a picture by, and do coarse labels help the fine ones?

Two cells: emoji with the tags that people search them by (1 to 7 of 23), and photos of fruit with two labels each, the
kind and its group. README.md says what was claimed of each arm.
"""

from dataclasses import replace

import torch
from torch.nn import functional

from workbench import (
    Cell,
    Choice,
    Claim,
    Experiment,
    FineTune,
    ImageFolder,
    ImageTable,
    Learner,
    Network,
    Norm,
    Pretrained,
    Split,
    Tier,
)
from workbench.data.items import Items
from workbench.data.targets.multi_label import MultiLabel

GROUPS = {
    "Apple": ("Golden-Delicious", "Granny-Smith", "Pink-Lady", "Red-Delicious", "Royal-Gala"),
    "Pear": ("Anjou", "Conference", "Kaiser"),
    "Melon": ("Cantaloupe", "Galia-Melon", "Honeydew-Melon", "Watermelon"),
    "Citrus": ("Orange",),
    "Satsuma": ("Satsumas",),
}
"""The data set's five coarse classes of fruit, by their fine ones."""


class KindAndGroup(MultiLabel):
    """Kinds, then groups, which the measures of all items and ``kind_error`` leave aside.

    ``kind_error``: 1 where the likeliest kind is not the right one.
    """

    names = ("kind_error", *MultiLabel.names)

    def metrics(self, output, y):
        """As :meth:`MultiLabel.metrics`, with ``kind_error``."""
        kinds = y.shape[1] - len(GROUPS)
        wrong = output[:, :kinds].argmax(1) != y[:, :kinds].argmax(1)
        return {"kind_error": wrong.float(), **super().metrics(output, y)}

    def summary(self, kept, y, scores):
        """As :meth:`MultiLabel.summary`, of the kinds."""
        kinds = y.shape[1] - len(GROUPS)
        return super().summary(None if kept is None else kept[:, :kinds], y[:, :kinds], scores)

    def constant(self, train, test):
        """As :meth:`MultiLabel.constant`; ``kind_error`` of the commonest kind."""
        kinds = train.shape[1] - len(GROUPS)
        wrong = test[:, :kinds].argmax(1) != train[:, :kinds].sum(0).argmax()
        return {"kind_error": float(wrong.double().mean()), **super().constant(train, test)}


class Fruit(ImageFolder):
    """Photos in a folder a kind, with two labels each: the kind, and its group."""

    def load(self, seeds, root, *, choosing=False):
        """As :meth:`ImageFolder.load`, with targets float32 of shape (n, kinds + groups): 1 where a label is given."""
        sets = super().load(seeds, root, choosing=choosing)
        member = torch.tensor([[name in kinds for kinds in GROUPS.values()] for name in sets.classes])
        labels = torch.cat((torch.eye(len(sets.classes)), member.float()), dim=1)

        def labelled(items):
            return items and Items(items.inputs, labels[items.targets], items.keys, items.groups)

        return replace(
            sets,
            train=labelled(sets.train),
            validation=labelled(sets.validation),
            test=labelled(sets.test),
            classes=(*sets.classes, *GROUPS),
            target=KindAndGroup(),
            signature=replace(sets.signature, outputs=labels.shape[1]),
        )


class FineTuned(Learner):
    """All weights of ImageNet's MobileNetV2, one sigmoid and binary cross-entropy a label: the reference."""

    data = ImageTable(
        "data/emoji.zip", "tags", target=MultiLabel(separator=";"), size=64, margin=1.0, split=Split(test=0.3)
    )
    model = Pretrained("data/mobilenet_v2.pth")
    fit = FineTune(epochs=6, batch=32, lr=3e-3)


class HeadOnly(FineTuned):
    """A fresh head on ImageNet's features as they are: a linear probe."""

    model = FineTuned.model.but(norm=Norm(stats="running", affine=False))
    fit = FineTuned.fit.but(scope="head")
    confounded = "fixed features are both: no weight below the head trains, and no statistic of theirs moves"


class Scratch(FineTuned):
    """The same network from random weights."""

    model = Network("mobilenet_v2")


class Softmax(FineTuned):
    """One softmax over all labels; each of an item's k labels is wanted with 1/k (Mahajan et al. 2018)."""

    confounded = "one change in two stages: the loss is that of the probabilities which forward gives"

    def forward(self, model, x):
        """The log-odds of the softmax's probabilities, so that everything after takes them for sigmoids."""
        log_p = functional.log_softmax(super().forward(model, x).float(), dim=1)
        return log_p - torch.log1p(-log_p.exp().clamp(max=1 - 1e-6))

    def loss(self, output, batch):
        """Cross-entropy of the shares; the log of a probability is the logsigmoid of its log-odds."""
        share = batch.y / batch.y.sum(1, keepdim=True).clamp(min=1)
        return -(share * functional.logsigmoid(output)).sum(1).mean()


class Asymmetric(FineTuned):
    """The asymmetric loss (Ridnik et al. 2021) with the paper's gammas of 0 and 4 and its margin of 0.05."""

    def loss(self, output, batch):
        """Easy negatives count for little, very easy ones for nothing."""
        p = (output.sigmoid() - 0.05).clamp(min=0)
        positive = functional.logsigmoid(output)
        negative = p**4 * torch.log1p(-p)
        return -(batch.y * positive + (1 - batch.y) * negative).mean()


class WithoutGroups(FineTuned):
    """The loss leaves the groups' outputs aside: only the kinds are learnt."""

    def loss(self, output, batch):
        """The mean over the kinds alone."""
        kinds = output.shape[1] - len(GROUPS)
        return self.expects.target.loss(output[:, :kinds], batch.y[:, :kinds])


emoji = Cell("emoji", arms=[FineTuned, HeadOnly, Scratch, Softmax, Asymmetric], about="1,013 emoji, 23 tags, 64 pixels")
fruit = Cell(
    "fruit",
    arms=[FineTuned, WithoutGroups],
    about="grocery photos, 14 kinds and 5 groups, 64 pixels",
    grid=[1e-3, 3e-3, 1e-2],
    data=Fruit("data/grocery.zip", size=64),
)

BY = 0.005
"""The smallest difference worth a word: half a point."""

claims = [
    Claim.lower(
        FineTuned,
        HeadOnly,
        by=BY,
        cell="emoji",
        name="M1",
        why="Kornblith et al. 2019 found fine-tuning mostly better than fixed features, on photos",
    ),
    Claim.lower(
        FineTuned, Scratch, by=BY, cell="emoji", name="M2", why="709 pictures are few; but drawings are no photos"
    ),
    Claim.differs(
        Softmax,
        FineTuned,
        by=BY,
        cell="emoji",
        name="M3",
        why="Mahajan et al. 2018 found sigmoids worse for hashtags; most programs use them",
    ),
    Claim.differs(
        Asymmetric,
        FineTuned,
        by=BY,
        cell="emoji",
        name="M4",
        why="Ridnik et al. 2021 found it better than cross-entropy; the prototype saw no difference with one seed",
    ),
    Claim.differs(
        WithoutGroups,
        FineTuned,
        by=BY,
        cell="fruit",
        measure="test/kind_error",
        name="M5",
        why="an auxiliary target may help, or take away what the kinds would have needed",
    ),
]

experiment = Experiment(
    baseline=FineTuned,
    arms=[HeadOnly, Scratch, Softmax, Asymmetric, WithoutGroups],
    seeds=10,
    first_seed=100,
    measure="test/mAP_error",
    cells=[emoji, fruit],
    claims=claims,
    choose=Choice(field="fit__lr", values=[1e-3, 3e-3, 1e-2, 3e-2], measure="validation/mAP_error"),
    tiers={
        "smoke": Tier(
            cells=[emoji],
            arms=[FineTuned, HeadOnly, Softmax],
            seeds=1,
            changes={"data__train": 150, "fit__epochs": 1},
            choosing=False,
            minutes=0.5,
        ),
        "default": Tier(cells=[emoji], seeds=3, minutes=3),
        "full": Tier(minutes=11),
        "gpu": Tier(changes={"data__size": 224, "fit__epochs": 30}),
    },
)
