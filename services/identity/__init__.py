"""Identity: who may do what. Tenants, users, roles, API keys, sessions, and the tokens that prove them."""
