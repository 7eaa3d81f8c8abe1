"""Compared: a matrix of recipes, each run once, and what their scores say beside each other."""
