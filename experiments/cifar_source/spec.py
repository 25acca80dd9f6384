"""A small ResNet learns CIFAR-10 without cats and dogs: the network that bn_finetune starts its weak case from."""

from workbench import Experiment, ImageArrays, Learner, Network, Norm, OneCycle

NO_PETS = ("airplane", "automobile", "bird", "deer", "frog", "horse", "ship", "truck")


class BatchNorm(Learner):
    """Batch normalisation: the only source that this weak case needs."""

    data = ImageArrays("data/cifar10.npz", classes=NO_PETS)
    model = Network("resnet8", width=24, norm=Norm())
    fit = OneCycle(epochs=6, batch=128, lr=4e-3)


experiment = Experiment(baseline=BatchNorm, seeds=3)
