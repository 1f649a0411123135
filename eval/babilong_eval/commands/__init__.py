"""The commands of `babilong`, each a thin layer over a function."""
