"""Several processes that train one run: started here, or by torchrun or srun."""
