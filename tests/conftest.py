import os

import pytest
from hypothesis import HealthCheck, settings

from tests.axe import fetch

# No test is timed: a loaded machine must not fail one.
settings.register_profile("cors-addon", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
# For the second Python: what holds for any input does not hang on the interpreter.
settings.register_profile("fewer", settings.get_profile("cors-addon"), max_examples=25)
settings.load_profile("cors-addon")


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return axe-core's source."""
    source, why = fetch(tmp_path_factory.mktemp("axe"))
    if why and os.environ.get("CI"):
        pytest.fail(why)
    if why:
        pytest.skip(why)
    return source
