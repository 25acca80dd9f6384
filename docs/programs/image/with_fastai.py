from fastai.vision.all import *

model_meta[models.mobilenet_v2] = {"cut": -1, "split": default_split, "stats": imagenet_stats}
loaders = ImageDataLoaders.from_folder(
    "data/grocery", train="train", valid="test", item_tfms=Resize(110), batch_tfms=aug_transforms(size=96), bs=32
)
learner = vision_learner(loaders, models.mobilenet_v2, metrics=error_rate)
learner.fine_tune(5)
print("test error", learner.validate()[1])
