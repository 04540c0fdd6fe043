from hypothesis import settings

# A machine under load is no failure of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
