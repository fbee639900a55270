//! What each tool means: one plain function from parameters to a result, for MCP and for the
//! command line alike.
//!
//! Names, parameters, defaults and results are those of sanzaru 0.10, so that an agent set up for
//! it can be moved here; what is new is said where it is.

pub mod audio;
mod call;
mod catalog;
mod error;
pub mod image;
pub mod inputs;
mod live;
pub mod local;
mod media;
pub mod reference;
mod transfer;
pub mod video;
pub mod view;
pub mod wait;

pub use call::{Call, Step};
pub use catalog::{Catalog, Entry, Output};
pub use error::{Kind as ErrorKind, ToolError};
pub use live::Live;
pub use media::{Media, Parts};

#[cfg(test)]
pub(crate) mod tests;
