import lightning
import pandas
import torch
from sklearn.model_selection import train_test_split
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

table = pandas.read_csv("data/movielens.csv")
train, test = train_test_split(table, test_size=0.2, random_state=0)
users, movies = table["user_id"].max() + 1, table["movie_id"].max() + 1


def loader(part, shuffle):
    columns = [torch.tensor(part[name].to_numpy()) for name in ("user_id", "movie_id", "rating")]
    return DataLoader(TensorDataset(*columns), batch_size=64, shuffle=shuffle)


class Factors(lightning.LightningModule):
    def __init__(self, steps):
        super().__init__()
        self.users, self.movies = torch.nn.Embedding(users, 50), torch.nn.Embedding(movies, 50)
        self.user_biases, self.movie_biases = torch.nn.Embedding(users, 1), torch.nn.Embedding(movies, 1)
        for table in (self.users, self.movies, self.user_biases, self.movie_biases):
            torch.nn.init.trunc_normal_(table.weight, std=0.01)
        self.steps, self.squares = steps, []

    def forward(self, user, movie):
        score = (self.users(user) * self.movies(movie)).sum(1)
        return 5 * torch.sigmoid(score + self.user_biases(user)[:, 0] + self.movie_biases(movie)[:, 0]) + 0.5

    def training_step(self, batch, _):
        return functional.mse_loss(self(*batch[:2]), batch[2].float())

    def test_step(self, batch, _):
        self.squares.append((self(*batch[:2]) - batch[2]) ** 2)

    def on_test_epoch_end(self):
        self.log("test rmse", torch.cat(self.squares).mean().sqrt())

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), weight_decay=0.1)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=self.steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


training = loader(train, shuffle=True)
trainer = lightning.Trainer(max_epochs=5, logger=False, enable_checkpointing=False)
model = Factors(steps=5 * len(training))
trainer.fit(model, training)
trainer.test(model, loader(test, shuffle=False))
