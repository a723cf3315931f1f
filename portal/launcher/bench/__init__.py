"""``manage.py bench``: how fast the booking engine is, as ratios taken inside one run."""
