"""Rates, intervals and paired tests. No torch."""
