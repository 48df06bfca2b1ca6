"""The jobs of a sweep as job arrays of SLURM, which submitit submits."""
