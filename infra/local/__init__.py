"""The local cloud: the whole product on one machine, on an AWS emulator that runs the production package.

Two halves that never import each other. In the emulator's own virtual environment run `launcher` and what it needs
(`guard`, `repairs`, `front`, `mails`, `saves`, `snapshots`, `limits`, `schedule_rules`); in the project's run `run`,
`cloud`, `environments` and `process`.
"""
