"""`snntrain search`: tries values of some keys, learns which are good, and stops what is hopeless."""
