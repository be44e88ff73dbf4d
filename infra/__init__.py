"""What surrounds the application: its state, its package, its deployment, and the local cloud."""
