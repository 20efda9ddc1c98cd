"""A page and an API to search a library with: one process, loopback unless told otherwise."""
