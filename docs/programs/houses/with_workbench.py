from workbench import Learner, Table


class Houses(Learner):
    data = Table("data/california_housing.csv", "MedHouseVal")


print(Houses(threads=2).run())
