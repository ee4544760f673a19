"""Records and a verdict -> terminal, Markdown, one self-contained HTML page.

`page.render` is imported from its own module by those who need it, when they need it: it brings Altair and Jinja2.
"""
