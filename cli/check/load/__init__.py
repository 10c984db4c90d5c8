"""Load at a fixed rate with a ledger of every request, and an audit of what became of the acknowledged ones."""
