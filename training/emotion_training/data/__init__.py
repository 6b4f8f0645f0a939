"""FER2013 and FER+: reading them, near-duplicate rows, targets, augmentation."""
