//! Where a test cuts the power: before any single change of a root, from which on nothing changes.

/// Stands before every change.
#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "power fails in tests only")]
pub(crate) const fn step() -> rustix::io::Result<()> {
    Ok(())
}

#[cfg(test)]
thread_local! {
    static LEFT: std::cell::Cell<usize> = const { std::cell::Cell::new(usize::MAX) };
}

/// Lets this thread make so many more changes.
#[cfg(test)]
pub(crate) fn cut_after(steps: usize) {
    LEFT.set(steps);
}

/// How many it has left.
#[cfg(test)]
pub(crate) fn left() -> usize {
    LEFT.get()
}

#[cfg(test)]
pub(crate) fn step() -> rustix::io::Result<()> {
    let left = LEFT.get().checked_sub(1).ok_or(rustix::io::Errno::IO)?;
    LEFT.set(left);
    Ok(())
}
