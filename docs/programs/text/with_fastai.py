import pandas
from fastai.text.all import AWD_LSTM, TextDataLoaders, error_rate, text_classifier_learner

reviews = pandas.read_csv("data/clothing.csv").dropna(subset="Review Text").drop_duplicates("Review Text").sample(5_000)
loaders = TextDataLoaders.from_df(reviews, text_col="Review Text", label_col="Recommended IND")
learner = text_classifier_learner(loaders, AWD_LSTM, pretrained=False, metrics=error_rate)
learner.fit_one_cycle(3, 5e-3)
print("test error", learner.validate()[1])
