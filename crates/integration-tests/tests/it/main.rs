//! Integration tests: the real program, over real sockets, against ourselves and others.

mod peers;
