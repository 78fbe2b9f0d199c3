"""What a host says about itself on its consoles, in `antlet host announce`, and once in a report.

Standard library only, and none of the library's models: importing those takes longer than all the rest.
"""
