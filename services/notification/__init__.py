"""Telling somebody: who is told what when something happens, and how it reaches them."""
