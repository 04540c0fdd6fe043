from hypothesis import HealthCheck, settings

# No test is timed: a loaded machine must not fail one.
settings.register_profile("cors-addon", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("cors-addon")
