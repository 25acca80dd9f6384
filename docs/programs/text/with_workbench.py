from workbench import Learner, Texts


class Recommended(Learner):
    data = Texts("data/clothing.csv", text="Review Text", label="Recommended IND", train=4_000)


print(Recommended(threads=2).run())
