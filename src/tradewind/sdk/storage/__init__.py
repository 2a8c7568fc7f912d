"""Object storage: paths into buckets and folders that authors use like `pathlib`'s, by way of fsspec."""
