"""How steps are run: one thin Prefect task per stage (Prefect ends here)."""
