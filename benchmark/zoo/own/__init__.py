"""Networks written here, one file each: every module's `ARCHITECTURE` is in the catalog."""
