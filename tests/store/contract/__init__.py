"""What a store must do, whichever database it is on."""
