"""The ladders: the published tables, measured again on this machine."""
