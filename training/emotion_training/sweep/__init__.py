"""Many trainings side by side, by Ray Tune."""
