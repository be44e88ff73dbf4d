"""What devices do: push and delete, from the admission of a request to its acknowledgement."""
