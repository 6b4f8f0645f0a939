"""One folder of labelled faces: reading it and writing it."""
