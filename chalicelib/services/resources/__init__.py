"""Resources of a dataset's draft: realtime with their push keys, uploaded files, remote sources and their secrets."""
