import keras
import pandas
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

numbers = ["age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
names = ["workclass", "education", "marital-status", "occupation", "relationship", "race", "sex", "native-country"]
table = pandas.read_csv("data/adult.csv")
train, test = train_test_split(table, test_size=0.2, random_state=0)
scaler = StandardScaler().fit(train[numbers])
coder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1).fit(train[names])


def encoded(part):
    codes = coder.transform(part[names]) + 1
    return [scaler.transform(part[numbers]), *codes.T], (part["income"] == ">50K").to_numpy()


inputs = [keras.Input((len(numbers),)), *(keras.Input(()) for _ in names)]
columns = [inputs[0]]
for known, column in zip(coder.categories_, inputs[1:], strict=True):
    columns.append(keras.layers.Embedding(len(known) + 1, min(50, len(known) // 2 + 1))(column))
hidden = keras.layers.Concatenate()(columns)
for width in (200, 100):
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(width, activation="relu")(hidden))
model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(*encoded(train), batch_size=128, epochs=3)
print("test error", 1 - model.evaluate(*encoded(test))[1])
