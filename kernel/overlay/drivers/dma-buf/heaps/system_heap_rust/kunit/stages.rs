// SPDX-License-Identifier: GPL-2.0

//! Which [`Walk`](crate::walk::Walk)s there are, and on what.
//!
//! This is as pure as they are, so that a host tries the very walks that a guest takes.

use crate::{
    tours,
    walk::{
        Course,
        MAX_USERS, //
    }, //
};

/// The alias of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The vmap.
    Vmap,
    /// The direct map.
    Direct,
    /// A mapping of all in a process.
    Process,
    /// One mapping in a process for each of two parts, of which the first has so many pages.
    Parts(usize),
}

/// What is walked on.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// Pages of the buffer.
    pub pages: usize,
    /// Those of which lines are used: the first, one in the middle, the last.
    pub used: [usize; PAGES],
    /// Users of the buffer.
    pub users: &'static [Via],
    /// A number for the direct map, and one for the alias of each user. Where numbers differ, the
    /// aliases must not share lines if the cache has more than one colour.
    pub colours: [usize; 1 + MAX_USERS],
    /// For caches of two colours only.
    pub two: bool,
    /// One walk each.
    pub walks: &'static [Course],
}

/// Pages of which lines are used.
pub const PAGES: usize = 3;
/// Lines that are used in each of the pages.
const LINES_OF_PAGE: usize = 4;
/// Lines that are used.
pub const LINES: usize = PAGES * LINES_OF_PAGE;
/// Bytes of a word.
pub const WORD: usize = 4;
/// The words that are used in each of the lines.
pub const WORDS_OF_LINE: usize = 2;
/// All words that are used.
pub const WORDS: usize = LINES * WORDS_OF_LINE;
/// Bytes from one line to the next. No line of a cache is longer.
const STRIDE: usize = 64;

impl Stage {
    /// Whether it is for caches of so many colours.
    pub fn runs(&self, colours: usize) -> bool {
        match colours {
            2 => self.colours.iter().all(|&colour| colour < 2),
            _ => !self.two,
        }
    }

    /// How many lines of those that are used are in the first chunk: pages are allocated in chunks
    /// of 16 and of one.
    pub fn lines_of_first_chunk(&self) -> usize {
        let pages = if self.pages < 16 { 1 } else { 16 };

        self.used.iter().filter(|&&page| page < pages).count() * LINES_OF_PAGE
    }

    /// Where word number `word` is: the first words of a page, the last ones, and some in between.
    pub fn offset(&self, word: usize, page_size: usize) -> usize {
        let (line, word) = (word / WORDS_OF_LINE, word % WORDS_OF_LINE);
        let (page, line) = (self.used[line / LINES_OF_PAGE], line % LINES_OF_PAGE);

        let line = match line + 1 {
            LINES_OF_PAGE => page_size - WORDS_OF_LINE * WORD,
            _ => line * STRIDE,
        };
        page * page_size + line + word * WORD
    }
}

const ONE: Course = Course {
    tour: tours::ONE,
    limit: usize::MAX,
    users: 1,
    in_accesses: false,
    seed: 0x9e37_79b9,
};

const TWO: Course = Course {
    tour: tours::TWO,
    users: 2,
    ..ONE
};

/// What is rare in a tour that does each plan after each history: one user that opens no access,
/// one that comes after another who has left an access open, the same after it has read while a
/// device that writes came beside one that reads, and one device that writes beside one that reads.
const PLAIN: Course = Course {
    tour: "m0f u0 m0b u0 m0t u0 m0f u0 m0f u0 m0b u0 m0t u0 \
           m0t at m1f u1 b0f e0 st u0 m0t at m1f u1 b0t e0 st u0 \
           m0t at m1f u1 b0f e0 st u0 m0t at m1f u1 b0t e0 st u0 \
           m0t at m1f u1 b0t e0 st u0 \
           m0t b0f at m1f e0 u1 b0f e0 st u0 m0t b0f at m1f e0 u1 b0t e0 st u0 \
           m0t b0f at m1f e0 u1 b0f e0 st u0 m0t b0f at m1f e0 u1 b0t e0 st u0 \
           m0t b0f at m1f e0 u1 b0f e0 st u0 m0t b0f at m1f e0 u1 b0t e0 st u0 \
           m0f m1t b0t e0 b0f e0 b0t e0 b0f e0 b0t e0 b0f e0 b0t e0 b0f e0 b0t e0 b0f e0 u1 u0",
    ..ONE
};

const RENEWED: Course = Course {
    tour: tours::RENEWED,
    in_accesses: true,
    ..TWO
};

/// Each page is a chunk of its own.
const SMALL: Stage = Stage {
    pages: 3,
    used: [0, 1, 2],
    users: &[],
    colours: [0, 1, 1],
    two: false,
    walks: &[],
};

/// The kernel by its vmap.
pub const VMAP: [Stage; 1] = [Stage {
    users: &[Via::Vmap],
    walks: &[ONE],
    ..SMALL
}];

/// Pages of more than one chunk, of which the first has several.
pub const CHUNKS: [Stage; 1] = [Stage {
    pages: 18,
    used: [0, 15, 17],
    walks: &[Course { limit: 100, ..ONE }],
    ..VMAP[0]
}];

/// Two users of the direct map, and one.
pub const DIRECT: [Stage; 2] = [
    Stage {
        users: &[Via::Direct, Via::Direct],
        colours: [0; 1 + MAX_USERS],
        walks: &[TWO],
        ..SMALL
    },
    Stage {
        users: &[Via::Direct],
        colours: [0; 1 + MAX_USERS],
        walks: &[PLAIN],
        ..SMALL
    },
];

/// A process, whose mappings show a page and the rest.
pub const PROCESS: [Stage; 2] = [
    Stage {
        users: &[Via::Parts(1)],
        walks: &[ONE],
        ..SMALL
    },
    Stage {
        users: &[Via::Parts(1)],
        walks: &[PLAIN],
        ..SMALL
    },
];

const PAIR: Stage = Stage {
    users: &[Via::Vmap, Via::Process],
    walks: &[TWO],
    ..SMALL
};

/// The kernel by its vmap, and a process.
pub const VMAP_AND_PROCESS: [Stage; 5] = [
    Stage {
        colours: [0, 1, 2],
        ..PAIR
    },
    Stage {
        users: &[Via::Vmap, Via::Parts(1)],
        colours: [0, 1, 2],
        walks: &[Course { limit: 400, ..TWO }],
        ..PAIR
    },
    Stage {
        two: true,
        colours: [0, 1, 0],
        ..PAIR
    },
    Stage {
        two: true,
        colours: [0, 0, 1],
        ..PAIR
    },
    Stage {
        two: true,
        colours: [0, 1, 1],
        walks: &[Course { limit: 200, ..TWO }],
        ..PAIR
    },
];

/// Two users of one vmap.
pub const TWO_OF_THE_KERNEL: [Stage; 1] = [Stage {
    users: &[Via::Vmap, Via::Vmap],
    walks: &[Course { limit: 200, ..TWO }],
    ..SMALL
}];

/// Two mappings of a process, which differ where tags are virtual. Those of several processes are
/// what programs have, see `kernel/guest/programs`.
pub const TWO_USER_MAPPINGS: [Stage; 1] = [Stage {
    users: &[Via::Process, Via::Process],
    walks: &[Course { limit: 200, ..TWO }],
    ..SMALL
}];

/// Aliases come and go. In each but the last, one of them is a vmap, for which all of the cache is
/// flushed.
pub const RENEWALS: [Stage; 4] = [
    Stage {
        walks: &[RENEWED],
        ..VMAP_AND_PROCESS[0]
    },
    Stage {
        walks: &[RENEWED],
        ..VMAP_AND_PROCESS[2]
    },
    Stage {
        walks: &[RENEWED],
        ..VMAP_AND_PROCESS[3]
    },
    Stage {
        users: &[Via::Process, Via::Parts(1)],
        walks: &[RENEWED],
        ..SMALL
    },
];

/// All stages, by the case that takes their walks, for a host to try.
pub const ALL: [(&str, &[Stage]); 8] = [
    ("vmap", &VMAP),
    ("vmap_of_many_pages", &CHUNKS),
    ("direct_map", &DIRECT),
    ("process_with_two_parts", &PROCESS),
    ("vmap_and_process", &VMAP_AND_PROCESS),
    ("two_of_the_kernel", &TWO_OF_THE_KERNEL),
    ("two_user_mappings", &TWO_USER_MAPPINGS),
    ("new_aliases", &RENEWALS),
];
