"""A gateway process between a vendor that fails nearly half the time and one that is well."""
