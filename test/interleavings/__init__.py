"""Threads step through the pump one at a time, in every order: python -m test.interleavings."""
