"""Static files are looked for once a process.

Each of Django's test clients sets the middleware up anew, and WhiteNoise looks then for all static files and their
headers: the greater part of most tests that ask for a page or two.
"""

from whitenoise.middleware import WhiteNoiseMiddleware

_found = {}


def look_once():
    """Let every instance of the middleware after the first know what that one found."""
    look = WhiteNoiseMiddleware.add_files_from_finders

    def add(middleware):
        if not _found:
            look(middleware)
            _found.update(middleware.files)
        middleware.files.update(_found)

    WhiteNoiseMiddleware.add_files_from_finders = add
