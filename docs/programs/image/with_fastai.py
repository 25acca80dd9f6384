from fastai.vision.all import ImageDataLoaders, Resize, aug_transforms, error_rate, models, vision_learner

loaders = ImageDataLoaders.from_folder(
    "data/grocery", train="train", valid="test", item_tfms=Resize(110), batch_tfms=aug_transforms(size=96), bs=32
)
learner = vision_learner(loaders, models.mobilenet_v2, metrics=error_rate)
learner.fine_tune(5)
print("test error", learner.validate()[1])
