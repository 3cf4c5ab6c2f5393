//! Debian archives and packages: deb822, versions, closure, InRelease, .deb
