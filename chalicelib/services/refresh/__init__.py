"""A run's work: a remote resource is fetched, and what has changed becomes a job."""
