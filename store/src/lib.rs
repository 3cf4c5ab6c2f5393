//! Content-addressed store: blobs, trees, action records, roots, leases, garbage collection
