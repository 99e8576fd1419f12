"""How many examples a property test tries: few and always the same by default, many others with the profile ``fuzz``."""

from __future__ import annotations

from hypothesis import settings

FUZZ_EXAMPLES = 2000


def examples(usual: int) -> settings:
    """The settings of a property test that usually tries so many examples."""
    return settings(max_examples=FUZZ_EXAMPLES if settings.get_current_profile_name() == "fuzz" else usual)
