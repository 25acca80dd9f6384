"""A small ResNet learns half of Fashion-MNIST: the network that experiments/bn_finetune starts its digits from."""

from workbench import Experiment, ImageArrays, Learner, Network, Norm, OneCycle


class BatchNorm(Learner):
    """Batch normalisation: the source of every arm whose policy is in question."""

    data = ImageArrays("data/fashion_mnist.npz", pool=(0.0, 0.5))
    model = Network("resnet8", norm=Norm())
    fit = OneCycle(epochs=3, batch=128, lr=4e-3)


class GroupNorm(BatchNorm):
    """Group normalisation (Wu & He 2018) has no batch statistics that could go stale."""

    model = BatchNorm.model.but(norm=Norm(kind="group"))


class NoNorm(BatchNorm):
    """No normalisation at all, with Fixup initialisation (Zhang et al. 2019)."""

    model = BatchNorm.model.but(norm=Norm(kind="none"))


experiment = Experiment(baseline=BatchNorm, arms=[GroupNorm, NoNorm], seeds=3)
