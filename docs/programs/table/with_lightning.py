import lightning
import pandas
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

numbers = ["age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
names = ["workclass", "education", "marital-status", "occupation", "relationship", "race", "sex", "native-country"]
table = pandas.read_csv("data/adult.csv")
train, test = train_test_split(table, test_size=0.2, random_state=0)
scaler = StandardScaler().fit(train[numbers])
coder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1).fit(train[names])


def loader(part, shuffle):
    codes = torch.tensor(coder.transform(part[names]) + 1, dtype=torch.int64)
    values = torch.tensor(scaler.transform(part[numbers]), dtype=torch.float32)
    labels = torch.tensor((part["income"] == ">50K").to_numpy(), dtype=torch.int64)
    return DataLoader(TensorDataset(codes, values, labels), batch_size=128, shuffle=shuffle)


class Classifier(lightning.LightningModule):
    def __init__(self, steps):
        super().__init__()
        sizes = [(len(known) + 1, min(50, len(known) // 2 + 1)) for known in coder.categories_]
        self.embeddings = torch.nn.ModuleList(torch.nn.Embedding(*size) for size in sizes)
        width, layers = sum(size[1] for size in sizes) + len(numbers), []
        for hidden in (200, 100):
            layers += [torch.nn.Linear(width, hidden), torch.nn.ReLU(), torch.nn.BatchNorm1d(hidden)]
            width = hidden
        self.layers = torch.nn.Sequential(*layers, torch.nn.Linear(width, 2))
        self.steps = steps

    def forward(self, codes, values):
        columns = [table(codes[:, place]) for place, table in enumerate(self.embeddings)]
        return self.layers(torch.cat([*columns, values], 1))

    def training_step(self, batch, _):
        return functional.cross_entropy(self(*batch[:2]), batch[2])

    def test_step(self, batch, _):
        self.log("test error", (self(*batch[:2]).argmax(1) != batch[2]).float().mean())

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters())
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=self.steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


training = loader(train, shuffle=True)
trainer = lightning.Trainer(max_epochs=3, logger=False, enable_checkpointing=False)
model = Classifier(steps=3 * len(training))
trainer.fit(model, training)
trainer.test(model, loader(test, shuffle=False))
