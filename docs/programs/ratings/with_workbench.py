from workbench import Learner, Ratings


class Films(Learner):
    data = Ratings("data/movielens.csv")


print(Films(threads=2).run())
