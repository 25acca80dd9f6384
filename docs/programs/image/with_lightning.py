import lightning
import torch
from torch.nn import functional
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms


class FineTuned(lightning.LightningModule):
    def __init__(self, steps):
        super().__init__()
        self.network = models.mobilenet_v2()
        self.network.load_state_dict(torch.load("data/mobilenet_v2.pth", weights_only=True))
        self.network.classifier[1] = torch.nn.Linear(1280, 14)
        self.steps = steps

    def training_step(self, batch, _):
        return functional.cross_entropy(self.network(batch[0]), batch[1])

    def test_step(self, batch, _):
        self.log("test error", (self.network(batch[0]).argmax(1) != batch[1]).float().mean())

    def configure_optimizers(self):
        head = list(self.network.classifier.parameters())
        groups = [{"params": self.network.features.parameters(), "lr": 3e-4}, {"params": head, "lr": 1e-3}]
        optimizer = torch.optim.AdamW(groups)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, [3e-4, 1e-3], total_steps=self.steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


normalise = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
augment = [transforms.RandomResizedCrop(96, (0.5, 1.0)), transforms.RandomHorizontalFlip()]
training = transforms.Compose([*augment, transforms.ToTensor(), normalise])
testing = transforms.Compose([transforms.Resize(110), transforms.CenterCrop(96), transforms.ToTensor(), normalise])
train = DataLoader(datasets.ImageFolder("data/grocery/train", training), batch_size=32, shuffle=True)
test = DataLoader(datasets.ImageFolder("data/grocery/test", testing), batch_size=32)
trainer = lightning.Trainer(max_epochs=6, logger=False, enable_checkpointing=False)
model = FineTuned(steps=6 * len(train))
trainer.fit(model, train)
trainer.test(model, test)
