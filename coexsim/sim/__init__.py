"""Things take time: the servers, links and name servers of a scenario as SimPy processes.

Where mail goes next is decided in `coexsim.mail`; nothing here knows a routing rule.
"""
