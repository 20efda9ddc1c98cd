"""A photo's file to pixels, facts and captions. Knows nothing of folders or models."""
