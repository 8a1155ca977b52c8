"""A backbone's blocks: which layers there are, and how they are wired."""
