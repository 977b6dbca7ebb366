"""The way of seen images from the processes that see them to the one that verifies them."""
