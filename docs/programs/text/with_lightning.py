import lightning
import pandas
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import train_test_split
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

reviews = pandas.read_csv("data/clothing.csv").dropna(subset="Review Text").drop_duplicates("Review Text").sample(5_000)
train, test = train_test_split(reviews, test_size=0.2, random_state=0)
counter = CountVectorizer(max_features=20_000).fit(train["Review Text"])
words, analyse = counter.vocabulary_, counter.build_analyzer()


class Classifier(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(20_001, 64, padding_idx=0)
        self.lstm = torch.nn.LSTM(64, 64, batch_first=True, bidirectional=True)
        self.head = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(128, 2))

    def forward(self, ids):
        states = self.lstm(self.embedding(ids))[0].masked_fill((ids == 0)[..., None], -1e4)
        return self.head(states.max(1).values)

    def training_step(self, batch, _):
        return functional.cross_entropy(self(batch[0]), batch[1])

    def test_step(self, batch, _):
        self.log("test error", (self(batch[0]).argmax(1) != batch[1]).float().mean())

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), 1e-3)


def collated(rows):
    texts, labels = zip(*rows, strict=True)
    ids = [[words[word] + 1 for word in analyse(text) if word in words][:120] or [0] for text in texts]
    return pad_sequence([torch.tensor(row) for row in ids], batch_first=True), torch.tensor(labels)


def loader(part, shuffle):
    rows = list(zip(part["Review Text"], part["Recommended IND"], strict=True))
    return DataLoader(rows, batch_size=64, shuffle=shuffle, collate_fn=collated)


trainer = lightning.Trainer(max_epochs=3, logger=False, enable_checkpointing=False)
model = Classifier()
trainer.fit(model, loader(train, shuffle=True))
trainer.test(model, loader(test, shuffle=False))
