"""Training: networks, recipes, distillation, with Keras or PyTorch."""
