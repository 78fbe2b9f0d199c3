"""The paths, one module for each kind of thing; each makes a router over the agent."""
