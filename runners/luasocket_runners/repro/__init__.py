"""Scripts that reproduce a behaviour outside the runner."""
