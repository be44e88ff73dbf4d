"""What readers do: the catalog, questions to the records of a dataset, and exports."""
