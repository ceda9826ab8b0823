/** @file The names of the ten classes of CIFAR-10, in the order of its files. */

export const cifar10Labels: readonly string[] = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];
