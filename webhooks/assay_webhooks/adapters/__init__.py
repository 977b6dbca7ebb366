"""What the webhook's commands touch outside of their process."""
