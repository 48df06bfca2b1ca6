"""`snntrain data`: the data sets on this machine.

command.py   finds the action
settings.py  the settings of the data sets
listing.py   list
getting.py   get
showing.py   show
clearing.py  clear
"""
