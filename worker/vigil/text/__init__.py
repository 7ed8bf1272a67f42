"""What messages say: folding, normalising, term lists, personal data and links."""
