"""Measuring a model: protocols, corruptions, confidence, and the model card."""
