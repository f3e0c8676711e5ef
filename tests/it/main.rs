//! The one integration binary.

mod warehouse;
