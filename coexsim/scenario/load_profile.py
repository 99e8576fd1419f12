"""The `load:` part of a scenario (being written)."""

from coexsim.scenario.base import Spec


class LoadSpec(Spec):
    """Placeholder until the real one lands in a moment."""

    model_config = {**Spec.model_config, "extra": "ignore"}
