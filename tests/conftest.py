from hypothesis import settings

# No test is timed: a loaded machine must not fail one.
settings.register_profile("cors-addon", deadline=None, print_blob=True)
settings.load_profile("cors-addon")
