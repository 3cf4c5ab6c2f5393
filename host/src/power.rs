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
    static FULL: std::cell::Cell<Option<usize>> = const { std::cell::Cell::new(None) };
}

/// Lets the change behind so many others fail, as on a full disk, and all behind it be made.
#[cfg(test)]
pub(crate) fn full_after(steps: usize) {
    FULL.set(Some(steps));
}

/// Whether that change came.
#[cfg(test)]
pub(crate) fn was_full() -> bool {
    FULL.take().is_none()
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
    if let Some(until) = FULL.get() {
        FULL.set(until.checked_sub(1));
        if until == 0 {
            return Err(rustix::io::Errno::NOSPC);
        }
    }
    let left = LEFT.get().checked_sub(1).ok_or(rustix::io::Errno::IO)?;
    LEFT.set(left);
    Ok(())
}
