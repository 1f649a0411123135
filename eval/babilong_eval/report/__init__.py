"""All of a study on one HTML page.

report.py  what is on it; `report.html.j2` lays it out
"""
