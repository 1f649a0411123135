"""The generator's commands, one a module: what a user types, checked and handed on."""
