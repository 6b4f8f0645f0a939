"""Fine-tuning the model on faces of one's own, and whether it helped."""
