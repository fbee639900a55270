//! The limit of open files, raised as far as this process may.

/// Raises the soft limit of open files to the hard limit and returns what is in force then.
/// A limit that cannot be raised or read is left alone; the returned number is always true
/// (0 where even reading failed).
pub fn raise_open_files() -> u64 {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => limit,
        Err(error) => {
            tracing::debug!(%error, "the limit of open files stays as it is");
            rlimit::getrlimit(rlimit::Resource::NOFILE).map_or(0, |(soft, _)| soft)
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_soft_limit_reaches_the_hard_one() {
        let raised = super::raise_open_files();
        let (soft, hard) = rlimit::getrlimit(rlimit::Resource::NOFILE).unwrap();
        assert_eq!((raised, soft), (hard, hard));
    }
}
