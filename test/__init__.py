"""The tests of hyper.

This file makes `test` a regular package: with the repository's root first on the path (pytest's
`pythonpath = ["."]`) it is found before the standard library's package of the same name.
"""
