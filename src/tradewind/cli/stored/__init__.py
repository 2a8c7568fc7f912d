"""What people store by hand: variables, connections, pools, and the key that encrypts them."""
