"""Photos that show the same picture, or the same moment: found, grouped, and told of."""
