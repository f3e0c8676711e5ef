//! How much is tested: `cargo test` leaves out what takes long and seldom fails alone, `MILEPOST_TESTS=all` nothing.

#[expect(clippy::print_stderr, reason = "a test that does nothing says so")]
/// Tells whether everything is to be tested; where not, says what is left out.
pub(crate) fn all(left_out: &str) -> bool {
    let all = std::env::var("MILEPOST_TESTS").is_ok_and(|extent| extent == "all");
    if !all {
        eprintln!("left out: {left_out} (MILEPOST_TESTS=all tests it)");
    }
    all
}

/// Returns how many of the cases of a long test are tried: all of them, or a tenth.
pub(crate) fn of(cases: u32) -> u32 {
    if all("nine of ten cases") { cases } else { cases.div_ceil(10) }
}
