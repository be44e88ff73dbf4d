"""DynamoDB and S3: the only rooms that know items, keys and buckets."""
