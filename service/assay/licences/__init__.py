"""What SPDX licence expressions demand; pure."""
