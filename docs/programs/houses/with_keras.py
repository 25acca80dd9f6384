import keras
import pandas
from sklearn.model_selection import train_test_split

table = pandas.read_csv("data/california_housing.csv")
train, test = train_test_split(table, test_size=0.2, random_state=0)
numbers = list(table.columns[:-1])
normalization = keras.layers.Normalization()
normalization.adapt(train[numbers].to_numpy())
layers = [keras.layers.Dense(64, activation="relu"), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(1)]
model = keras.Sequential([normalization, *layers])
model.compile("adam", "mae")
model.fit(train[numbers].to_numpy(), train["MedHouseVal"].to_numpy(), batch_size=128, epochs=20)
print("test mae", model.evaluate(test[numbers].to_numpy(), test["MedHouseVal"].to_numpy()))
