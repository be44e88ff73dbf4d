"""Pure rules: datasets, fields, records, payloads and refusals. Knows neither AWS nor HTTP."""
