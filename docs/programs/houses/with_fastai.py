import pandas
from fastai.tabular.all import Normalize, RegressionBlock, TabularDataLoaders, mae, tabular_learner

table = pandas.read_csv("data/california_housing.csv")
numbers = list(table.columns[:-1])
loaders = TabularDataLoaders.from_df(
    table, y_names="MedHouseVal", y_block=RegressionBlock(), cont_names=numbers, procs=[Normalize], bs=128
)
learner = tabular_learner(loaders, metrics=mae)
learner.fit_one_cycle(20)
print("test mae", learner.validate()[1])
