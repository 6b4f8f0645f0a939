"""What all tests share."""

from hypothesis import settings

# No example is too slow: how long one takes is the machine's business, and speed is measured by `make bench`.
settings.register_profile("project", deadline=None)
settings.load_profile("project")
