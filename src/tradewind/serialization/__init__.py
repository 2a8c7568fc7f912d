"""The DAG document and the messages between processes: the contract between author code and everything else."""
