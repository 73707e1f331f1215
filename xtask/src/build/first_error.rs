// SPDX-License-Identifier: GPL-2.0-only
//! Finds the compiler's first error in the output of a kernel build.

/// How many lines of context follow the first error.
const CONTEXT: usize = 11;

/// The first error in `output` with the lines that explain it, or the output's end where no line looks like one.
pub fn first_error(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let of_make = |l: &str| l.starts_with("make") && l.contains("***");
    let at = lines.iter().position(|l| is_diagnostic(l)).or_else(|| {
        // A tool that words its errors in a way of its own: they stand before what make makes of them.
        let make = lines.iter().position(|l| of_make(l))?;
        let before = lines[..make].iter().rev().take(CONTEXT / 2);
        Some(
            make - before
                .take_while(|l| !starts_kbuild_step(l) && !l.starts_with("make"))
                .count(),
        )
    });
    let Some(at) = at else {
        return lines[lines.len().saturating_sub(CONTEXT)..].join("\n");
    };
    let end = lines[at + 1..]
        .iter()
        .position(|l| l.is_empty() || starts_kbuild_step(l) || l.starts_with("make"))
        .map_or(lines.len(), |n| at + 1 + n);
    lines[at..end.min(at + 1 + CONTEXT)].join("\n")
}

/// gcc, ld, rustc, bindgen, modpost and Kconfig.
fn is_diagnostic(line: &str) -> bool {
    line.starts_with("error")
        || line.starts_with("ERROR:")
        || line.starts_with("thread 'main' panicked")
        || line.contains(": error: ")
        || line.contains(": fatal error: ")
        || line.contains(": undefined reference to ")
        || line.contains(": syntax error")
}

/// `  CC      kernel/fork.o`
fn starts_kbuild_step(line: &str) -> bool {
    let mut words = line.split_whitespace();
    line.starts_with("  ")
        && words
            .next()
            .is_some_and(|w| w.len() > 1 && w.chars().all(|c| c.is_ascii_uppercase()))
        && words.clone().count() <= 2
        && words
            .next()
            .is_some_and(|w| w == "[M]" || w == "L" || w == "P" || w.contains(['/', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rustc_error_with_its_place() {
        let output = "  CC      a/b.o\n  RUSTC L rust/kernel.o\nerror[E0425]: cannot find value `x`\n --> a.rs:3:5\n  |\n\
            3 |     x\n  |     ^\n\nerror: aborting\nmake[2]: *** [rust/Makefile:1: rust/kernel.o] Error 1\n";
        assert_eq!(
            first_error(output),
            "error[E0425]: cannot find value `x`\n --> a.rs:3:5\n  |\n3 |     x\n  |     ^"
        );
    }

    #[test]
    fn gcc_error_before_the_one_of_make() {
        let output = "make[1]: *** [Makefile:1: b.o] Error 1\na.c:3:5: error: 'x' undeclared\n    3 | x\n  CC      kernel/fork.o\n";
        assert_eq!(
            first_error(output),
            "a.c:3:5: error: 'x' undeclared\n    3 | x"
        );
    }

    #[test]
    fn error_of_a_tool_that_does_not_call_it_so() {
        let output = "  LD [M]  a.ko\nld: cannot open linker script\nmake[3]: *** [a.ko] Error 1\nmake: *** [all] Error 2\n";
        assert_eq!(first_error(output), "ld: cannot open linker script");
    }

    #[test]
    fn only_make_says_anything() {
        let output = "make: *** No rule to make target 'a.c', needed by 'a.o'.  Stop.\n";
        assert_eq!(first_error(output), output.trim_end());
    }

    #[test]
    fn nothing_looks_like_an_error() {
        assert_eq!(first_error("one\ntwo\n"), "one\ntwo");
        assert_eq!(first_error(""), "");
    }
}
