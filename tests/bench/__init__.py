"""`make bench`: what the product costs, as ratios within one run. The one absolute time with a bound is that
of the acknowledgement of a full push, which people wait for."""
