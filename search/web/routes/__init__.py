"""What the API answers, a module for each noun."""
