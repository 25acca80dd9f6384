import keras
import torch
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms

normalise = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
augment = [transforms.RandomResizedCrop(96, (0.5, 1.0)), transforms.RandomHorizontalFlip()]
training = transforms.Compose([*augment, transforms.ToTensor(), normalise])
testing = transforms.Compose([transforms.Resize(110), transforms.CenterCrop(96), transforms.ToTensor(), normalise])
train = DataLoader(datasets.ImageFolder("data/grocery/train", training), batch_size=32, shuffle=True)
test = DataLoader(datasets.ImageFolder("data/grocery/test", testing), batch_size=32)

network = models.mobilenet_v2()
network.load_state_dict(torch.load("data/mobilenet_v2.pth", weights_only=True))
body = keras.layers.TorchModuleWrapper(network.features, output_shape=(None, 1280, 3, 3))
body.trainable = False
inputs = keras.Input((3, 96, 96))
features = keras.layers.GlobalAveragePooling2D(data_format="channels_first")(body(inputs))
outputs = keras.layers.Dense(14)(keras.layers.Dropout(0.2)(features))
model = keras.Model(inputs, outputs)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(), loss=loss, metrics=["accuracy"])
model.fit(train, epochs=1)
body.trainable = True
model.compile(keras.optimizers.Adam(1e-4), loss=loss, metrics=["accuracy"])
model.fit(train, epochs=5)
print("test error", 1 - model.evaluate(test)[1])
