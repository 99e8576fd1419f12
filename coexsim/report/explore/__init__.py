"""The what-if page: a grid over a few keys, computed once, looked at offline by moving sliders."""
