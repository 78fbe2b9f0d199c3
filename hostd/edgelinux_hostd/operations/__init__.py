"""The kinds of jobs: what each does to an antlet, a template or a pool, step by step."""
