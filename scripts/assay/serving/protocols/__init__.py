"""How requests are written and answered: one module a protocol, none of which knows a server."""
