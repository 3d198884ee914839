"""What several systems share; no paper of its own."""
