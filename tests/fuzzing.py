"""How many examples hypothesis tries: few in the ordinary run, the same ones each time in CI, and many in `make fuzz`."""

import os

from hypothesis import HealthCheck, settings

MANY = 2_000
"""Examples of each test in `make fuzz`."""


def register_profiles() -> None:
    """Returns nothing; the profiles are "ordinary", which is chosen, and "fuzz". Without deadlines: machines get busy."""
    settings.register_profile("ordinary", derandomize="CI" in os.environ, deadline=None)
    settings.register_profile(
        "fuzz", max_examples=MANY, derandomize=False, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("ordinary")


def examples(few: int = 100) -> settings:
    """Settings of a test that takes fixtures: so many examples in the ordinary run, all share one setup of them."""
    profile = settings()
    many = profile.max_examples if settings.get_current_profile_name() == "fuzz" else few
    checks = [*profile.suppress_health_check, HealthCheck.function_scoped_fixture]
    return settings(max_examples=many, suppress_health_check=checks)
