"""What a browser meets on the admin listener: how one logs on, who one is then, and how one leaves."""
