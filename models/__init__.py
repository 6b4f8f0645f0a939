"""The shipped models and what a model file must be."""
