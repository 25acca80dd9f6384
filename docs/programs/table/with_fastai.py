from fastai.tabular.all import Categorify, FillMissing, Normalize, TabularDataLoaders, error_rate, tabular_learner

numbers = ["age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
names = ["workclass", "education", "marital-status", "occupation", "relationship", "race", "sex", "native-country"]
steps = [Categorify, FillMissing, Normalize]
loaders = TabularDataLoaders.from_csv(
    "data/adult.csv", y_names="income", cat_names=names, cont_names=numbers, procs=steps, bs=128
)
learner = tabular_learner(loaders, metrics=error_rate)
learner.fit_one_cycle(3)
print("test error", learner.validate()[1])
