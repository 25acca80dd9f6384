from fastai.collab import CollabDataLoaders, collab_learner
from fastai.metrics import rmse

loaders = CollabDataLoaders.from_csv("data/movielens.csv", item_name="movie_id", bs=64)
learner = collab_learner(loaders, n_factors=50, y_range=(0.5, 5.5), metrics=rmse)
learner.fit_one_cycle(5, 5e-3, wd=0.1)
print("test rmse", learner.validate()[1])
