"""Zero-shot labels: what a library's own model sees in its photos, of a list of names."""
