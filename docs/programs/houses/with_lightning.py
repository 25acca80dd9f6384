import lightning
import pandas
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

table = pandas.read_csv("data/california_housing.csv")
train, test = train_test_split(table, test_size=0.2, random_state=0)
numbers = list(table.columns[:-1])
scaler = StandardScaler().fit(train[numbers])


def loader(part, shuffle):
    values = torch.tensor(scaler.transform(part[numbers]), dtype=torch.float32)
    prices = torch.tensor(part["MedHouseVal"].to_numpy(), dtype=torch.float32)
    return DataLoader(TensorDataset(values, prices), batch_size=128, shuffle=shuffle)


class Regressor(lightning.LightningModule):
    def __init__(self, steps):
        super().__init__()
        width, layers = len(numbers), []
        for hidden in (200, 100):
            layers += [torch.nn.Linear(width, hidden), torch.nn.ReLU(), torch.nn.BatchNorm1d(hidden)]
            width = hidden
        self.layers = torch.nn.Sequential(*layers, torch.nn.Linear(width, 1))
        self.steps = steps

    def forward(self, values):
        return self.layers(values)[:, 0]

    def training_step(self, batch, _):
        return functional.l1_loss(self(batch[0]), batch[1])

    def test_step(self, batch, _):
        self.log("test mae", functional.l1_loss(self(batch[0]), batch[1]))

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters())
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=self.steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


training = loader(train, shuffle=True)
trainer = lightning.Trainer(max_epochs=20, logger=False, enable_checkpointing=False)
model = Regressor(steps=20 * len(training))
trainer.fit(model, training)
trainer.test(model, loader(test, shuffle=False))
