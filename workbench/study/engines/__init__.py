"""Engines: where planned runs are executed. Each takes tasks in dependency order and calls back as they go on."""
