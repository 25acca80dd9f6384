from workbench import Augment, ImageFolder, Learner


class Fruit(Learner):
    data = ImageFolder("data/grocery.zip", size=96, augment=Augment(flip=True, crop=0.5))


print(Fruit(threads=2).run())
