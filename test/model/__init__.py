"""A model of the pump in Promela, for spin: ``README.rst`` beside this says what is in it."""
