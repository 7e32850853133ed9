"""Every check of what the user passes, before anything compiled runs; all error texts."""
