import keras
import pandas
from sklearn.model_selection import train_test_split

table = pandas.read_csv("data/movielens.csv")
train, test = train_test_split(table, test_size=0.2, random_state=0)
user, movie = keras.Input(()), keras.Input(())
size = {name: int(table[name].max()) + 1 for name in ("user_id", "movie_id")}


def embedded(name, column, width):
    return keras.layers.Embedding(size[name], width, embeddings_regularizer=keras.regularizers.L2(1e-6))(column)


score = keras.layers.Dot(1)([embedded("user_id", user, 50), embedded("movie_id", movie, 50)])
score = keras.layers.Add()([score, embedded("user_id", user, 1), embedded("movie_id", movie, 1)])
outputs = keras.layers.Rescaling(5, 0.5)(keras.layers.Activation("sigmoid")(score))
model = keras.Model([user, movie], outputs)
model.compile("adam", "mse", metrics=[keras.metrics.RootMeanSquaredError()])
columns = [train["user_id"].to_numpy(), train["movie_id"].to_numpy()]
model.fit(columns, train["rating"].to_numpy(), batch_size=64, epochs=5)
columns = [test["user_id"].to_numpy(), test["movie_id"].to_numpy()]
print("test rmse", model.evaluate(columns, test["rating"].to_numpy())[1])
