"""Results, and what the user is told."""
