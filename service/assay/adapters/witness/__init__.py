"""Services that vouch for a signature while it is made: transparency logs and timestamp authorities."""
