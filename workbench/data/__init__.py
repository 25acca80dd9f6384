"""What we learn from: sources, splits, augmentation, batches and targets."""
