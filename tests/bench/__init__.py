"""`make bench`: what the product costs, as ratios within one run. Nothing here asserts an absolute time."""
