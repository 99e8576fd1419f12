"""coexsim: where mail goes, what it costs and how big the server must be, while a domain is shared."""

__version__ = "0.1.0"
