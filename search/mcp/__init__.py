"""A library's answers to AI assistants, by the Model Context Protocol."""
