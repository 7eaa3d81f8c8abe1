"""Reporting: a run as one page for people, and its essentials for whoever shows runs."""
