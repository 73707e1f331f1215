// SPDX-License-Identifier: GPL-2.0

//! The tours of the suite `sequences`. [`State::step`](crate::walk::State::step) says what the
//! words mean.
//!
//! `cargo run -p aliasheap-kernel --example tours` writes this file.

/// One user.
pub const ONE: &str = "\
    m0t m1t u0 m0t u0 m0f u0 m0t u0 m0t u0 m0f u0 m0f u1 m1t u1 m1t b0t u0 m0t u0 m0t u0 m0f \
    u0 m0f e0 b0t e0 b0f u0 u1 m0t e0 b0t e0 b0t e0 b0f e0 b0t e0 b0f e0 b0t u0 m0t u0 m0t u0 \
    m0f u0 m0f u0 e0 m0t b0t u0 e0 m0f m1f b0f u0 u1 m0b u0 m0b e0 m1t u0 m0t u0 m0f u0 m0f u1 \
    m1f b0t u0 e0 u1 m0f u0 b0t e0 b0t e0 b0f e0 b0f e0 m0t b0t m1b u1 u0 e0 m0t b0f m1b e0 b0t \
    u1 u0 e0 m0t b0f e0 b0f e0 b0f m1f u1 u0 m0f e0 u0 b0f m0f e0 u0 m0b b0f e0 b0f e0 b0f e0 \
    m1t u0 u1 m0t m1b u1 u0 m0f m1t u0 b0t e0 m0b u0 b0t e0 m0f u0 b0f m0b u0 e0 b0f m0f e0 u0 \
    u1 m0t m1f u1 b0f e0 m1b u1 b0t e0 b0f m1f e0 u1 b0t e0 b0f e0 m1b u1 b0f m1f e0 u1 b0f l0 \
    b0t m1t st at st at st at st at sf af sf af sf af sf af e0 b0t e0 b0t u0 m0t e0 b0f sb l0 \
    sb at sf at sb at sf at sb at st at sf at sb af b0t u0 m0f u0 u1 st ab st at st ab st m0b \
    u0 e0 b0t e0 b0t e0 b0f e0 at st at st at st at st af sf m0t b0t e0 af b0f e0 b0f st l0 st \
    af u0 sf m0t b0t e0 af u0 sf m0t b0f l0 sf at sf at sf af sf at sf af u0 sf m0t b0f at st \
    e0 af sf at sf af sf af m1b u0 m0f u0 m0f u0 u1 b0f e0 sb af m0t st b0f af sf af sf af u0 \
    m0b u0 sb e0 af m0t st u0 af m0t st m1f at u1 u0 m0b u0 m0t st m1b at u1 u0 m0b u0 sf m0f \
    at u0 m0f u0 m0f b0t u0 st m0f at st at e0 b0t st at e0 b0t st at e0 b0t st af sf af e0 b0f \
    e0 m1t u0 m0f u0 u1 m0f b0f e0 m1t u0 u1 m0f b0f e0 m1t u0 u1 m0f b0f e0 m1t u1 u0 sf m0f \
    at st af u0 sf m0f af u0 sf m0f af u0 m0f b0t e0 st af b0t e0 st st sf sf sf sf b0t af e0 \
    sf b0b af e0 sf ab sf b0f at e0 m1f b0t e0 sf b0f at e0 u0 u1 sf b0t e0 b0f l0 m0f b0t m1t \
    u0 u1 e0 sf b0t e0 b0f l0 m0f b0t e0 sf af b0f e0 m1f u0 u1 m0f b0f e0 m1f u0 u1 m0f b0f \
    e0 m1f u0 u1 m0f b0f e0 u0 m0f sf b0f at e0 u0 sf b0t e0 b0f l0 m0f sf b0f at e0 u0 sf b0t \
    e0 b0f l0 sf b0f m0f af sb af e0 u0 sf b0f m0f af sb af e0 u0 m0f sf af sf u0 m0t at u0 sf \
    b0f m0f l0 u0 sf b0f m0f l0 b0t e0 b0f st e0 u0 m0t at u0 sf at sf at sf at sf at sf af sf \
    af sf af sf af sf st m0t at u0 sf st m0t at u0 sf st m0t af m1f u1 u0 sf st m0t af u0 sf \
    sf sf sf sf m0t af m1f sf u1 at u0 st m0t af m1f sf u1 at m1f sf u1 at m1f b0f e0 u0 b0t \
    e0 b0f e0 u1 m0t sf at m1f sf u1 at m1f sf u1 af m1b sf u1 af m1f sf u1 af b0f e0 m1b u1 \
    u0 m0f b0f e0 b0t e0 b0f st e0 u0 m0f b0f l0 b0t e0 b0f st e0 b0t e0 b0f l0 b0t e0 b0f st \
    e0 b0t e0 b0f l0 b0f e0 b0f e0 b0f e0 b0f e0 st b0f e0 b0f e0 b0f e0 at b0f e0 u0 m0t sf \
    af m1f sf u1 af b0f m1f e0 u0 st b0f l0 st b0f l0 st b0f e0 at b0f e0 b0t e0 b0f e0 b0t e0 \
    b0f e0 b0t e0 b0f e0 b0t e0 b0f e0 b0f e0 b0f e0 b0f e0 b0f e0 st b0f e0 at b0f e0 sf at \
    b0f e0 sf af b0f e0 sf af b0f e0 sf af b0f e0 sf af b0f e0 sf m0t u1 u0 b0f m0f m1t l0 u0 \
    b0t e0 b0f e0 m0f sf u0 b0t e0 b0f m0f l0 u0 b0f m0f e0 u0 b0f m0f e0 u0 sf at b0f m0f e0 \
    u0 u1 b0f m0f e0 sf m1t u0 at b0f m0f e0 u0 sf at b0f m0f e0 u0 sf at b0f m0f e0 u1 b0f e0 \
    sf m1t u0 af b0f m0f e0 u1 sf m1t u0 af m0f sf b0f e0 u0 af m0f sf b0f e0 u0 af ";

/// Two users.
pub const TWO: &str = "\
    m0t m1t u0 m0t u0 m0f u0 m0t u0 m0t u0 m0f u0 m0f u1 m1t u1 m1t b0t u0 m0t u0 m0t u0 m0f \
    u0 m0f e0 b0t e0 b0f u0 u1 m0t e0 b0t b1t m1t u0 m0t u0 m0t e0 b0t e0 b0t e1 b1t e1 b1t e1 \
    b1f e1 e0 b0t b1f e1 b1t e1 b1f e1 b1t e0 b0f e0 b0t e0 b0f e0 b0t u0 m0f u0 m0f u0 u1 m0t \
    m1f e1 b1t u1 u0 m0t m1b e1 b1t e1 b1f e1 b1t e0 b0t e1 b1f e1 b1t e0 b0t u0 u1 m0f u0 m0f \
    u0 e0 e1 b0t e0 b0t e0 b0f m0b u0 m0b u0 m0t b1t e0 b0f u0 e1 b1t e1 m0b e0 m1f u0 m0f u0 \
    u1 b0f m0f e0 u0 b1t e1 b1t b0b e0 e1 b1f m0t b0f e0 b0t e1 b1f m1b e1 b1f e0 b0f e0 b0f \
    e0 e1 u1 u0 b1f m0f b0t e0 e1 u0 m0t b0t e0 b0f b1t e1 m1f e0 b0t e0 b0f u1 b1t e0 e1 u0 \
    m0f b1t b0f e0 b0t u0 e1 b1b e1 e0 m0t b0t e0 b1t m1b b0f e0 b0t u0 u1 m0t u0 m0t u0 m0t \
    u0 m0f e1 e0 b1t e1 b1f b0t e1 b1f u0 e1 m0f e0 b1f b0f e1 e0 u0 m0t b0f b1t e0 m1f b0f e0 \
    b0f e1 e0 b0t e0 b1f b0f e1 b1t e1 e0 b0f b1t e1 e0 b0f b1f e1 b1f e0 e1 u1 u0 m0t b0f b1f \
    e0 b0t e1 b1f u0 e0 e1 b0t e0 m0t b1t e1 b1t e1 b1f b0f e0 b0f e1 b1f e0 m1b e1 b0t u1 e0 \
    b1f m1f u1 b0t u0 e1 e0 m0t b1f m1b e1 b0t e0 u1 b0t b1f e0 e1 b0f m1f e0 b1t e1 u1 b0t b1f \
    e0 e1 b0f m1b e0 b1t e1 u1 b0f m1f u1 b1t e1 e0 b0f m1b e0 b1f e1 b0f u1 b1f u0 e1 e0 b0t \
    b1b m0t u0 e1 b1b m0t u0 e1 b1f e0 e1 b0f m0b e0 b1f e1 b0f m1t u0 b1f m0b e0 e1 b1t e1 u0 \
    b0f b1b e1 e0 b1t b0f e1 e0 b1t b0f e1 e0 b1f u1 e1 b0f m0f e0 b1f e1 b1t e1 b1f e1 b1f e1 \
    b1f e1 m1t u0 b0t m0b e0 u0 b1t b0f e1 e0 b1f m0f e1 u0 b0t e0 m0b u0 b1t e1 m0f u0 b1f m0b \
    e1 u0 b0f m0f e0 u0 b0t e0 m0b u0 b1f m0f e1 u0 b0f m0f e0 u0 b0t m0f b1f e0 e1 u0 b1t m0f \
    b0f e1 e0 u0 b0f m0f e0 u0 b0f m0f e0 u0 b1t m0f b0f e1 e0 u0 b1t e1 b0f m0f e0 u0 b1f m0f \
    e1 u0 b1t m0f b0f e1 e0 u0 b1f m0f e1 u0 b1f m0f e1 u0 b1f b0t m0t u0 m0f u0 m0f u0 u1 l1 \
    m0t st at st at st at st at sf af sf af sf af sf af b1b m1t u0 e0 st at st at st at st at \
    sf af sf af sf af sf af b0b st at st at st at st at sf e0 b0b af sf e1 b1f l1 b1t sf e1 b1f \
    l1 b1t sf at sb af sf at sb af st af sf at sf at sf af m0t st u1 af sf af m1t st u1 af m1t \
    st ab u1 st u0 m0t u0 m0f at u0 e0 st b0f l0 st b0b e0 b0f l0 st e1 b1t m0f at u0 st b0f \
    l0 st e1 b1t m0f at st at sb af st af sf af sb af m1t u0 u1 b0t st af st at st af st m0f \
    at m1t u0 u1 sf m0f at m1t sf at u0 u1 sf e0 b0f l0 e1 b1f sb l1 b0t e0 b1f e1 b0t sb b1f \
    l1 e0 sf b0f m0f u0 m0t b1f at e0 b0b m1t e1 b1f sf l1 b1f e1 sf e0 at sf at sb at sf at \
    sb at sf at st at sf at sb af b0t b1t u0 sf u1 e1 m0f af e0 m1t u0 st af b0f b1t u1 st m0f \
    af e0 b0t m1t sf at st af sf at st af sf at st af e1 b1t sf af e1 b1t sf af u1 u0 sf e1 b1f \
    l1 st b1f l1 st b1f l1 st b1f l1 st e0 m0f m1f at u0 m0f u0 u1 m0f u0 m0f u0 m0f u0 m0f b0t \
    e0 b0t e0 b0t e0 b0t e0 b0f e0 m1t u0 st af b0f b1f e1 b1f sf at u1 e1 e0 b0f m0f e0 m1t \
    u1 b0t e0 b0f e0 m1t u1 b0f e0 m1t b0f e0 u0 st af sf at sf af sf at m0f b1t e1 b1t e1 b1t \
    e1 b1t e1 b1f e1 u0 sf u1 m0t b0t e0 b0f af sf af sf af sf af m1b b1t e1 b1f e0 e1 u0 u1 \
    m0f b1f st e1 u0 m0t b0t b1f m1t l1 b1f sf l1 b1f sf l1 u0 m0f b1t sf af sf af e0 e1 b1f \
    e1 u0 m0f b0t e0 b1f e1 u0 m0f b0t e0 st at st at st at st af u0 u1 m0t b0f m1f b1t e0 e1 \
    sf af u1 m1b u1 sf at m1f sf af u1 m1f b0t e0 sf af b0t e0 sf sf sf sf sf af b0t b1f e1 b1t \
    e1 b1f e1 b1f e1 b1f e0 e1 u0 b0t e0 sf af u1 m0t b1t st e1 b1t e1 b1f m1f b0f at e0 e1 u0 \
    b0t e0 sf af u1 m0t b1f m1f b0f e1 b1f e1 b1f st at e0 e1 u0 b0f e0 m0f b1t e1 sf b0f at \
    e0 b0t e0 sf b0f at e0 b0t e0 sf b0f af sf af sf af sf af e0 u0 u1 m0f u0 m0f b0t e0 sf af \
    b0f e0 m1f u0 u1 m0f b0f e0 m1f u0 u1 m0f b0f e0 m1f u0 u1 m0f b0f e0 u0 m0f b1t e1 sf af \
    b1t e1 sf af b1t e1 sf af b1t e1 sf af b1f e1 u0 m0f b1f e1 u0 m0f b1f e1 u0 m0f b1f e1 u0 \
    m0f sf af sf af sf af sf b0f l0 b0t b1f e0 e1 u0 st m0t at sf af m1f sf u1 at sf af u0 st \
    m0t at sf af m1f sf u1 at u0 st m0t at st b1b e1 at st b1b e1 af b1b st e1 af b1f e1 m1f \
    u1 u0 st m0t af u0 st m0t af m1f sf u1 at u0 m0t sf af m1f sf u1 af m1f sf u1 af m1f sf u1 \
    af m1f sf u1 af b0f e0 m1f b0t b1f e0 e1 b0t e0 b0f e0 b0t e0 sf b0f l0 u1 u0 m0f b0f e0 \
    b0t e0 b0f e0 u0 b0f m0f e0 u0 m0f sf b0f l0 b0t e0 b0f e0 u0 m0f b1f e1 b0f e0 b0f e0 b0f \
    e0 b0f e0 b1t b0f e1 e0 b1t b0f e1 e0 b1t b0f e1 e0 b1t e1 sf b0f l0 b0t b1f e0 e1 b0f e0 \
    b1f e1 b0f e0 b1f e1 b1f e1 b1f e1 st b1f l1 b0t b1f e0 e1 st b1f e1 u0 m0f b0f l0 b0f e0 \
    b0f e0 b0f e0 b0f e0 b1t b0f e1 e0 b1f e1 st b0f e0 u0 m0f b0f e0 b0t e0 b1f l1 b0t e0 b0f \
    e0 b1f e1 st b1f l1 b0t b1f e0 e1 sf b0t e0 b1f l1 b0t b1f e0 e1 sf b0t e0 b0f l0 b1t e1 \
    b1f e1 sf b0f l0 b1t e1 sf b0f l0 b1t e1 b1f e1 sf b0f l0 b1f e1 b0f e0 b1f e1 b0f e0 b1f \
    e1 b0f e0 b1f e1 b0f e0 sf b0f e0 b0f e0 b1t e1 b1f e1 b1t e1 b1f e1 b1t e1 b1f e1 b1f l1 \
    b1t b0f e1 e0 sf b1f e1 b1f l1 b1t b0f e1 e0 sf at b0f e0 sf at b0f e0 sf at sf b0f l0 sf \
    at sf b0f l0 sf af b0f e0 sf af b1f e1 b1t e1 sf b0f e0 af b1f e1 b1t e1 sf b0f e0 af b1f \
    e1 b1f e1 b1f e1 b1f e1 b1f e1 sf at sf b1f e1 at b1f sf e1 at sf b1f e1 at sf b1f l1 sf \
    af b1f e1 sf af b1f e1 sf af sf b1f e1 af b1f m1t e1 u0 b0t sf e0 b1f l1 m0f u0 b0t sf e0 \
    b1f l1 m0f u0 b0f m0f e0 u0 u1 m0t b1f e1 m1f u1 b0f e0 m1f u1 b0t sf e0 b0f l0 m1f u1 b0t \
    sf e0 b1f l1 m1f u1 b1t sf e1 b0f l0 m1f u1 b0f m1f e0 u1 b0f m1f e0 u1 b1t sf e1 b0f l0 \
    m1f u1 b1t e1 st b0f l0 m1f u1 b1f e1 m1f u1 b1t b0f st m1f e1 e0 u1 b1f l1 m1f u1 b1f e1 \
    m1f u1 b1f st m1f e1 u1 at b0f st m1f e0 u1 at st b0f m1f e0 u1 at b0f m1f st e0 u1 at b1f \
    m1f st e1 u1 at b1f m1f st e1 u1 at b1f m1f st e1 u1 at st b0f m1f e0 u1 at st b1f m1f e1 \
    u1 af b0f st m1f e0 u1 af b1f st m1f e1 u1 af b1f e1 m1f sf u1 af b1f m1f e1 sf u1 af b0f \
    m1f sf e0 u1 af b0f e0 m1f sf u1 af b0f st m1f e0 u1 af ";

/// Two users whose aliases come and go.
pub const RENEWED: &str = "\
    m0t m1t u0 m0t u0 m0f u0 m0t u0 m0t u0 m0f u0 m0f u1 m1t u1 m1t b0t u0 m0t u0 m0t u0 m0f \
    u0 m0f e0 b0t e0 b0f u0 u1 m0t e0 b0t b1t m1t u0 m0t u0 m0t e0 b0t e0 b0t e1 b1t e1 b1t e1 \
    b1f e1 e0 b0t b1f e1 b1t e1 b1f e1 b1t e1 r1 r1 e0 b0f e0 b0t e0 b0f b1t e0 b0t u0 m0f u0 \
    m0f u0 u1 m0t m1f e1 b1t u1 u0 m0t m1b e1 b1t e0 b0t e1 b1f e1 b1t e0 b0t e1 b1f e1 b1t u0 \
    u1 m0f u0 m0f u0 e0 b0f e0 b0t e0 b0f e1 m0b e0 m1f u0 m0f u0 u1 b0t e0 b0t e0 b0f m0f u0 \
    m0t b1t e0 b0f e0 r0 r0 e1 b0t e0 b1t e1 b0t e0 b1f b0t e1 b1f m1b e1 b1f e1 b1f u0 u1 e1 \
    m0t e0 b1f b0f e0 b0f m1f u1 u0 m0f u0 m0b e0 b0t e0 b0f e0 b0f e0 e1 u0 b0f b1b e1 m0f e0 \
    b0t e0 b0f e0 b0t e0 r0 r0 b1t b0f e0 b0t u0 e1 b1b e1 e0 r0 m0t b0f b1t e0 r0 e1 b0f b1f \
    e1 b1f e1 m1b e0 u1 u0 r0 m0f b1t b0f e1 e0 b0f b1t e1 e0 b0f b1t e0 b0t e0 e1 b1f b0t e1 \
    r1 e0 b1f b0f e1 b1f e1 b1f e0 b0f e0 e1 u0 r0 m0f r1 r1 u0 b1t e1 r0 b0t e0 r0 b0t e0 b1t \
    e1 r0 b0f e0 b1f m0b e1 b0t u0 e0 b1f e1 b0f e0 r1 r1 r0 r0 r0 b1f e1 r1 m0t b1t e1 b1t e1 \
    b1f b0b u0 e0 m0b e1 b0t u0 e0 r1 r1 r0 r0 r0 r1 r0 r1 m0t b1f m1f u1 b0t u0 e1 e0 b1t e1 \
    r1 r1 r0 r0 r0 r1 r0 r1 m0b b1f e1 b0f e0 b1t b0f e0 b0f e0 b0f e1 e0 b1t e1 b1f e1 b0f e0 \
    b1f e1 b1t e1 b1f e1 b1t e1 b1f e1 b1f e1 b1f m1t u0 b0t e0 e1 b0f m0f u0 b1t e0 e1 u1 m0t \
    m1b u1 u0 m0b b0f e0 b1f m1t u0 b0f m0f e1 e0 u0 u1 m0b m1t u0 b0t m0f e0 u0 b0t m0b e0 u0 \
    b0f m0f u0 b1t e1 e0 b0f m0b u0 b1f m0f u0 e1 b1f e1 m0f e0 u0 b0t e0 m0f u0 b0f b1b e1 e0 \
    b1t b0f e1 e0 b1t b0f e1 e0 b1f m0f e1 u0 b0t e0 m0f u0 b1t u1 b0b m0t u0 e1 b1t m0t u0 e1 \
    e0 m0f m1t u0 b1t b0f e1 e0 b1f m0f e1 u0 b0f m0f e0 u0 b0t e0 m0f u0 b1f m0f e1 u0 b0f m0f \
    e0 u0 b0f m0f e0 u0 b0f m0f e0 u0 b1t e1 m0f u0 b1f m0f e1 u0 b1t m0f b0f e1 e0 u0 b1t m0f \
    b0f e1 e0 u0 b1f m0f e1 u0 b1t e1 b0f m0f e0 u0 b1f m0f e1 u0 b1f m0f e1 u0 b1f ";
