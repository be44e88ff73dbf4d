"""How records are written, by requests and by jobs alike: skipping what is unchanged, staging, removing."""
