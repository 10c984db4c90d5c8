"""People and companies, and what passed between us."""
