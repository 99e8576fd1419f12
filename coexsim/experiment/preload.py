"""What a process that is to run scenarios has loaded before it is asked: the packages, and the kernel where it was compiled before.

Several processes on Linux are copies of one that has imported this module, so that this time is spent once and not once a process.
"""

import gc

from coexsim.garbage import collect_rarely

with collect_rarely():
    import scipy.special  # noqa: F401 - laws of work import it late

    from coexsim.engine.cache import is_compiled, load_kernel, not_importable
    from coexsim.experiment import run  # noqa: F401

    if is_compiled() and not_importable() is None:
        load_kernel()
        from coexsim.engine import drive  # noqa: F401

gc.freeze()  # all this stays to the end: the garbage collector need not look through it again, nor when the process ends
