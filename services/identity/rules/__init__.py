"""What identity knows, without I/O: permissions, passwords, proofs, attempts, standard roles."""
