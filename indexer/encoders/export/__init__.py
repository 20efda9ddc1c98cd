"""open_clip models to bundles. Imports torch; nothing that indexes or searches on a CPU imports it."""
