"""The DAG processor: watches the DAG folders, imports changed files in children, stores what they define."""
