"""Templates: domain XML in Jinja2, old files brought up to date, datasets with versions, imports."""
