"""Recovery: replaying what was backed up, and keeping the backup itself in order."""
