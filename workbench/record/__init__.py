"""WHAT A RUN WAS: journal, code, data, environment, and their mirror in MLflow."""
