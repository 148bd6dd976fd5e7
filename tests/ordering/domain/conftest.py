"""Property tests of the domain: the same examples on every run, and no clock over them."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "ordering",
    derandomize=True,
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("ordering")
