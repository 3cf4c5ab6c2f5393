//! OCI images: references, manifests, layout
