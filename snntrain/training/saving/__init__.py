"""What a run goes on from: saved whole, found whole, put back."""
