"""What an expression may stand for while a script is read: atoms, sets of them, and what is known of both."""
