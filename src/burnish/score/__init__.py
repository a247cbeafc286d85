"""Compute rates, intervals, paired tests, rewards and selections. No torch."""
