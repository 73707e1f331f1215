// SPDX-License-Identifier: GPL-2.0-only
//! Panics: none may reach the emulator.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body`. Whatever it was about is not to be used any more if it panics.
///
/// # Errors
///
/// A fragment that says what it panicked with.
pub fn caught<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("unknown");
        format!("go on: it panicked: {text}")
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_panic_is_an_error() {
        assert_eq!(super::caught(|| 1), Ok(1));
        let says = super::caught(|| panic!("{} of it", 7));
        assert_eq!(says, Err::<(), _>("go on: it panicked: 7 of it".into()));
    }
}
