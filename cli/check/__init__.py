"""Whether a running Kith does what it is for: a customer's story told through its gateway, and load with a ledger."""
