"""Trains a small network with Keras on photos/train and writes it as ONNX."""

import keras
from keras import layers

keras.utils.set_random_seed(0)
size = {"image_size": (96, 96), "batch_size": 32}
train = keras.utils.image_dataset_from_directory("photos/train", **size)
test = keras.utils.image_dataset_from_directory("photos/test", shuffle=False, **size)

network = keras.Sequential([keras.Input((96, 96, 3)), layers.Rescaling(1 / 127.5, offset=-1)])
for width in [16, 32, 64, 64]:
    network.add(layers.Conv2D(width, 3, padding="same"))
    network.add(layers.BatchNormalization(momentum=0.9))
    network.add(layers.ReLU())
    network.add(layers.MaxPooling2D())
network.add(layers.GlobalAveragePooling2D())
network.add(layers.Dense(len(train.class_names)))  # scores; a softmax at the end is found as well

network.compile(
    optimizer=keras.optimizers.AdamW(3e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
network.fit(train, epochs=15, verbose=2)
print(network.evaluate(test, verbose=0, return_dict=True))

network.export("model.onnx", format="onnx")
with open("labels.txt", "w") as file:
    file.write("\n".join(train.class_names))
