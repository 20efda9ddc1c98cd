"""How well a library answers queries whose answers are known."""
