//! The traps between the warehouses, one test each: what is printed for all of them, and the number where it decides.
