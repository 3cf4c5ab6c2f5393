//! Git over smart HTTP: pkt-lines, packs, trees
