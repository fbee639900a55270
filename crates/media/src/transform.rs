//! Work on pictures and sound that needs the CPU: pure functions of bytes, run on the
//! [CPU pool](crate::pool).

pub mod audio;
pub mod image;
