import keras
import numpy
import pandas
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import train_test_split

reviews = pandas.read_csv("data/clothing.csv").dropna(subset="Review Text").drop_duplicates("Review Text").sample(5_000)
train, test = train_test_split(reviews, test_size=0.2, random_state=0)
counter = CountVectorizer(max_features=20_000).fit(train["Review Text"])
words, analyse = counter.vocabulary_, counter.build_analyzer()


def encoded(texts):
    ids = [[words[word] + 1 for word in analyse(text) if word in words][:120] for text in texts]
    return numpy.array([row + [0] * (120 - len(row)) for row in ids])


model = keras.Sequential(
    [
        keras.layers.Embedding(20_001, 64, mask_zero=True),
        keras.layers.Bidirectional(keras.layers.LSTM(64)),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(encoded(train["Review Text"]), train["Recommended IND"].to_numpy(), batch_size=64, epochs=3)
print("test error", 1 - model.evaluate(encoded(test["Review Text"]), test["Recommended IND"].to_numpy())[1])
