// SPDX-License-Identifier: GPL-2.0-only
//! Parsers of three kinds read the same expressions, and one reads versions.
#![no_std]
extern crate alloc;
use alloc::{format, string::String, vec::Vec};
use logos::Logos;
use pre::*;

#[derive(Logos, Debug, Clone, PartialEq)]
#[logos(skip r"[ \t\n]+")]
enum Token<'a> {
    #[regex(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", |l| l.slice().parse::<f64>().ok())]
    Number(f64),
    #[regex(r"[\p{L}_][\p{L}\p{N}_]*", |l| l.slice())]
    Name(&'a str),
    #[regex(r#""([^"\\]|\\.)*""#, |l| l.slice().len())]
    Text(usize),
    #[token("<<=")]
    Shift,
    #[token("<=")]
    Less,
    #[regex(r"[-+*/<=()]", |l| l.slice().as_bytes()[0])]
    Sign(u8),
}

fn tokens(text: &str) {
    for (token, span) in Token::lexer(text).spanned() {
        match token {
            Ok(Token::Number(n)) => say!("{span:?} {:016x} {n}", n.to_bits()),
            other => say!("{span:?} {other:?}"),
        }
    }
}

mod by_nom {
    use nom::branch::alt;
    use nom::character::complete::{char, digit1, multispace0, one_of};
    use nom::combinator::map_res;
    use nom::multi::fold_many0;
    use nom::sequence::{delimited, pair};
    use nom::IResult;

    fn atom(i: &str) -> IResult<&str, i64> {
        let number = map_res(digit1, str::parse);
        delimited(multispace0, alt((number, delimited(char('('), sum, char(')')))), multispace0)(i)
    }
    fn product(i: &str) -> IResult<&str, i64> {
        let (i, first) = atom(i)?;
        fold_many0(pair(one_of("*/%"), atom), move || first, |a, (op, b): (char, i64)| match op {
            '*' => a.wrapping_mul(b),
            '/' => a.checked_div(b).unwrap_or(-1),
            _ => a.checked_rem(b).unwrap_or(-2),
        })(i)
    }
    pub fn sum(i: &str) -> IResult<&str, i64> {
        let (i, first) = product(i)?;
        let fold = |a: i64, (op, b)| if op == '+' { a.wrapping_add(b) } else { a.wrapping_sub(b) };
        fold_many0(pair(one_of("+-"), product), move || first, fold)(i)
    }
}

mod by_winnow {
    use winnow::ascii::{digit1, multispace0};
    use winnow::combinator::{alt, delimited, repeat};
    use winnow::prelude::*;
    use winnow::token::one_of;

    fn atom(i: &mut &str) -> PResult<i64> {
        delimited(multispace0, alt((digit1.try_map(str::parse), delimited('(', sum, ')'))), multispace0).parse_next(i)
    }
    fn product(i: &mut &str) -> PResult<i64> {
        let first = atom(i)?;
        repeat(0.., (one_of(['*', '/', '%']), atom))
            .fold(move || first, |a: i64, (op, b): (char, i64)| match op {
                '*' => a.wrapping_mul(b),
                '/' => a.checked_div(b).unwrap_or(-1),
                _ => a.checked_rem(b).unwrap_or(-2),
            })
            .parse_next(i)
    }
    pub fn sum(i: &mut &str) -> PResult<i64> {
        let first = product(i)?;
        repeat(0.., (one_of(['+', '-']), product))
            .fold(move || first, |a: i64, (op, b)| if op == '+' { a.wrapping_add(b) } else { a.wrapping_sub(b) })
            .parse_next(i)
    }
}

fn expression(rng: &mut Rng, depth: u32) -> String {
    if depth == 0 || rng.below(4) == 0 {
        return format!("{}", rng.next() >> (rng.below(62) + 1));
    }
    let op = ["+", " - ", "*", "/ ", "%"][rng.below(5) as usize];
    let (a, b) = (expression(rng, depth - 1), expression(rng, depth - 1));
    if rng.below(2) == 0 { format!("({a}{op}{b})") } else { format!("{a}{op}{b}") }
}

#[no_mangle]
pub extern "C" fn run() {
    tokens("alpha <<= 3.25e-7*(β_2 + \"a \\\" b\") <= 1e400 - 12345678901234567890 ? 0.1");
    let mut rng = Rng(11);
    for n in 0..100 {
        let text = expression(&mut rng, 5);
        let mut rest = text.as_str();
        say!("{n} {} {:?} {:?} {rest:?}", text.len(), by_nom::sum(&text), by_winnow::sum(&mut rest));
        if n % 10 == 0 {
            tokens(&text);
        }
    }
    say!("{:?} {:?}", by_nom::sum("(1+2"), by_winnow::sum(&mut "(1+"));
    let mut versions: Vec<semver::Version> = ["1.2.3", "1.2.3-alpha.2", "1.2.3-alpha.10", "0.0.1+b.7", "1.10.0", "1.2.3-beta", "99999999999.0.1"]
        .iter()
        .filter_map(|v| semver::Version::parse(v).ok())
        .collect();
    versions.sort();
    for wanted in ["^1.2", "~1.2.3", ">=1.2.3-alpha.3, <2", "*", "=0.0.1", "1.*"] {
        let Ok(wanted) = semver::VersionReq::parse(wanted) else { continue };
        for v in &versions {
            say!("{wanted} {v} {}", wanted.matches(v));
        }
    }
    say!("{:?} {:?}", semver::Version::parse("1.02.3"), semver::VersionReq::parse(">"));
}
