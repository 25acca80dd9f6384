from workbench import Learner, Table


class Income(Learner):
    data = Table("data/adult.csv", "income")


print(Income(threads=2).run())
