// SPDX-License-Identifier: GPL-2.0

//! Safe faces of support.c.

use crate::heap::DmaBuf;
use core::ptr::NonNull;
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
    ThisModule, //
};

mod c {
    use kernel::ffi::{
        c_char,
        c_int,
        c_uint,
        c_ulong,
        c_void, //
    };

    // Prototypes: support.h.
    unsafe extern "C" {
        pub(super) safe fn heap_test_open() -> c_int;
        pub(super) safe fn heap_test_close();
        pub(super) safe fn heap_test_alloc(arg: c_ulong) -> c_int;
        pub(super) safe fn heap_test_close_fd(fd: c_int) -> c_int;
        pub(super) fn heap_test_mmap(
            file: *mut c_void,
            len: c_ulong,
            offset: c_ulong,
            shared: bool,
        ) -> c_ulong;
        pub(super) safe fn heap_test_munmap(addr: c_ulong, len: c_ulong) -> c_int;
        pub(super) safe fn heap_test_user_page(addr: c_ulong) -> *mut c_void;
        pub(super) fn heap_test_read_user(addr: c_ulong, word: *mut u32) -> c_int;
        pub(super) safe fn heap_test_write_user(addr: c_ulong, word: u32) -> c_int;
        pub(super) safe fn heap_test_module() -> *mut c_void;
        pub(super) fn heap_test_in_worker(
            run: unsafe extern "C" fn(*mut c_void),
            data: *mut c_void,
        );
        pub(super) safe fn heap_test_flush();
        pub(super) safe fn heap_test_pages_in_use() -> c_ulong;
        pub(super) fn heap_test_vmap(dmabuf: *mut c_void) -> c_int;
        pub(super) fn heap_test_map(attach: *mut c_void) -> c_int;
        pub(super) fn heap_test_newest_attachment(dmabuf: *mut c_void) -> *mut c_void;
        pub(super) fn heap_test_page(addr: *const c_void) -> *mut c_void;
        pub(super) fn heap_test_page_phys(page: *mut c_void) -> u64;
        pub(super) fn heap_test_direct_map(page: *mut c_void) -> *mut c_void;
        pub(super) fn heap_test_map_page(page: *mut c_void) -> *mut c_void;
        pub(super) fn heap_test_unmap_page(page: *mut c_void, start: *mut c_void);
        pub(super) safe fn heap_test_is_mapped(addr: c_ulong) -> bool;
        pub(super) safe fn heap_test_colour_mask() -> c_ulong;
        pub(super) safe fn heap_test_can_alias(len: c_ulong) -> bool;
        pub(super) fn heap_test_skip(why: *const c_char);
        pub(super) safe fn heap_test_kill(killed: bool);
        pub(super) safe fn heap_test_fail_nth(nth: c_uint);
        pub(super) safe fn heap_test_fail_nth_left() -> c_uint;
        pub(super) safe fn heap_test_arm_faults(armed: bool, buf: c_ulong) -> c_int;
    }
}

/// The module that this is in.
pub(crate) fn this_module() -> ThisModule {
    // SAFETY: This is the module that the call is in.
    unsafe { ThisModule::from_ptr(c::heap_test_module().cast()) }
}

/// Opens the heap under test. Must run in a user process, see support.c.
pub(crate) fn open_heap() -> Result {
    to_result(c::heap_test_open())
}

/// Closes what [`open_heap`] opened.
pub(crate) fn close_heap() {
    c::heap_test_close();
}

/// Calls the heap's ioctl that allocates, with its argument at the address `arg` of user memory.
pub(crate) fn allocate(arg: usize) -> Result {
    to_result(c::heap_test_alloc(arg))
}

/// Closes a file descriptor of this thread.
pub(crate) fn close_fd(fd: i32) -> Result {
    to_result(c::heap_test_close_fd(fd))
}

/// Reads a word of user memory.
pub(crate) fn read_user(addr: usize) -> Result<u32> {
    let mut word = 0;

    // SAFETY: `word` is valid for writing.
    to_result(unsafe { c::heap_test_read_user(addr, &mut word) })?;
    Ok(word)
}

/// Writes a word of user memory.
pub(crate) fn write_user(addr: usize, word: u32) -> Result {
    to_result(c::heap_test_write_user(addr, word))
}

/// Has `f` called by another thread, one that belongs to no process, and waits for it.
///
/// # Errors
///
/// What `f` fails with.
///
/// # Safety
///
/// `f` must not use anything that is bound to the thread of the caller.
pub(crate) unsafe fn in_worker<F, T, E>(f: F) -> Result<T, E>
where
    F: FnOnce() -> Result<T, E>,
    E: From<Error>,
{
    /// What is called, and what comes of it.
    type Call<F, T, E> = (Option<F>, Option<Result<T, E>>);

    /// # Safety
    ///
    /// `data` must be a valid [`Call`] that nobody else uses.
    unsafe extern "C" fn run<F: FnOnce() -> Result<T, E>, T, E>(data: *mut core::ffi::c_void) {
        // SAFETY: As promised by the caller. This is the call below, whose thread waits meanwhile.
        let (f, result) = unsafe { &mut *data.cast::<Call<F, T, E>>() };

        *result = f.take().map(|f| f());
    }
    let mut call: Call<F, T, E> = (Some(f), None);

    // SAFETY: `run` is called once, with a call of these types. The caller has promised the rest.
    unsafe { c::heap_test_in_worker(run::<F, T, E>, (&raw mut call).cast()) };
    call.1.unwrap_or_else(|| Err(EIO.into()))
}

/// Waits until buffers that were dropped are freed.
pub(crate) fn flush() {
    c::heap_test_flush();
}

/// Pages in use in the whole system, counted from an arbitrary point.
pub(crate) fn pages_in_use() -> usize {
    c::heap_test_pages_in_use()
}

/// The bits in which the addresses of two aliases of a page must agree to share cache lines; 0 if
/// the data cache does not alias.
pub(crate) fn colour_mask() -> usize {
    c::heap_test_colour_mask()
}

/// Whether a buffer of `len` bytes can have a user mapping whose colour is not the direct map's.
pub(crate) fn can_alias(len: usize) -> bool {
    c::heap_test_can_alias(len)
}

/// Lets the exporter map `buffer` into the kernel, and unmap it again.
///
/// Not for a buffer that is mapped already: nothing counts here.
pub(crate) fn vmap_and_vunmap(buffer: &DmaBuf) -> Result {
    // SAFETY: A reference to a `DmaBuf` is a pointer to a valid buffer.
    to_result(unsafe { c::heap_test_vmap(buffer.as_raw().cast()) })
}

/// Lets the exporter map the attachment of `buffer` that was made last, and unmap it again.
///
/// Not for one that is mapped already: nothing counts here.
pub(crate) fn map_and_unmap(buffer: &DmaBuf) -> Result {
    let attachment = newest_attachment(buffer);
    if attachment.is_null() {
        return Err(ENOENT);
    }

    // SAFETY: Cases detach what they attach, and none does so meanwhile.
    to_result(unsafe { c::heap_test_map(attachment) })
}

/// The attachment of `buffer` that was made last.
pub(crate) fn newest_attachment(buffer: &DmaBuf) -> *mut core::ffi::c_void {
    // SAFETY: A reference to a `DmaBuf` is a pointer to a valid buffer.
    unsafe { c::heap_test_newest_attachment(buffer.as_raw().cast()) }
}

/// A page of a buffer: C `struct page`.
///
/// # Invariants
///
/// There is such a page, whoever has it.
#[derive(Clone, Copy)]
pub(crate) struct Frame(NonNull<core::ffi::c_void>);

impl Frame {
    /// The page that is mapped at `addr`.
    ///
    /// # Safety
    ///
    /// A heap must have mapped a page there, as a vmap.
    pub(crate) unsafe fn of_vmap(addr: *const u8) -> Option<Self> {
        // SAFETY: As promised by the caller.
        let page = unsafe { c::heap_test_page(addr.cast()) };

        // INVARIANT: The kernel says so.
        NonNull::new(page).map(Self)
    }

    /// The page of a buffer that this process has at `addr`. `None` if it has none there.
    pub(crate) fn of_user(addr: usize) -> Option<Self> {
        // INVARIANT: The kernel says so.
        NonNull::new(c::heap_test_user_page(addr)).map(Self)
    }

    /// Its physical address.
    pub(crate) fn phys(self) -> u64 {
        // SAFETY: By the type invariant.
        unsafe { c::heap_test_page_phys(self.0.as_ptr()) }
    }

    /// Where it is in the direct map. `None` if it is in high memory.
    pub(crate) fn direct_map(self) -> Option<NonNull<u8>> {
        // SAFETY: By the type invariant.
        NonNull::new(unsafe { c::heap_test_direct_map(self.0.as_ptr()) }.cast())
    }

    /// Whether the direct map does not show it in the cache lines of an alias at `addr`.
    pub(crate) fn has_other_colour(self, addr: usize) -> bool {
        let mask = colour_mask();

        match self.direct_map() {
            Some(direct) => (direct.as_ptr().addr() ^ addr) & mask != 0,
            None => mask != 0,
        }
    }

    /// Maps it for this thread: by the direct map, or for the moment if it is in high memory. The
    /// last such mapping goes first.
    pub(crate) fn map(self) -> Kmap {
        // SAFETY: By the type invariant.
        let start = unsafe { c::heap_test_map_page(self.0.as_ptr()) };

        Kmap {
            frame: self,
            start: start.cast(),
        }
    }
}

/// A page as [`Frame::map`] maps it.
pub(crate) struct Kmap {
    frame: Frame,
    start: *mut u8,
}

impl Kmap {
    /// The address of its first byte.
    pub(crate) fn start(&self) -> *mut u8 {
        self.start
    }
}

impl Drop for Kmap {
    fn drop(&mut self) {
        // SAFETY: It was mapped there, by this thread, as a raw pointer does not go to another.
        unsafe { c::heap_test_unmap_page(self.frame.0.as_ptr(), self.start.cast()) };
    }
}

/// Whether the kernel maps the page at `addr`, an address that `vmap()` has returned some time.
pub(crate) fn is_mapped(addr: *const u8) -> bool {
    c::heap_test_is_mapped(addr.addr())
}

/// Marks the running case as skipped.
pub(crate) fn skip(why: &'static CStr) {
    // SAFETY: A string that ends in NUL, which is copied.
    unsafe { c::heap_test_skip(why.as_char_ptr()) };
}

/// Memory in the user address space of the running case.
pub(crate) struct UserMap {
    addr: usize,
    len: usize,
}

impl UserMap {
    /// Maps `len` bytes of fresh memory.
    pub(crate) fn anonymous(len: usize) -> Result<Self> {
        // SAFETY: No file is passed.
        let addr = unsafe { c::heap_test_mmap(core::ptr::null_mut(), len, 0, false) };

        Self::new(addr, len)
    }

    /// Maps `len` bytes of `buffer` from `offset`, shared.
    pub(crate) fn of_buffer(buffer: &DmaBuf, len: usize, offset: usize) -> Result<Self> {
        Self::of(buffer, len, offset, true)
    }

    /// The same, but private: what is written goes to copies.
    pub(crate) fn private_of_buffer(buffer: &DmaBuf, len: usize, offset: usize) -> Result<Self> {
        Self::of(buffer, len, offset, false)
    }

    fn of(buffer: &DmaBuf, len: usize, offset: usize, shared: bool) -> Result<Self> {
        // SAFETY: A `DmaBuf` has a file for as long as it lives.
        let file = unsafe { (*buffer.as_raw()).file };

        // SAFETY: `file` is a valid file, of which the mapping takes a reference of its own.
        let addr = unsafe { c::heap_test_mmap(file.cast(), len, offset, shared) };

        Self::new(addr, len)
    }

    fn new(addr: usize, len: usize) -> Result<Self> {
        // The last page of addresses holds error codes.
        if addr > usize::MAX - bindings::MAX_ERRNO as usize {
            // CAST: An error code is small, and negative in an `i32` as in a `long`.
            Err(Error::from_errno(addr as i32))
        } else {
            Ok(Self { addr, len })
        }
    }

    /// The address of the first byte.
    pub(crate) fn addr(&self) -> usize {
        self.addr
    }

    /// The page at `offset`. `None` if there is none.
    pub(crate) fn frame(&self, offset: usize) -> Option<Frame> {
        Frame::of_user(self.addr + offset)
    }

    /// The `len` bytes from `offset`, for access by copying.
    pub(crate) fn slice(&self, offset: usize, len: usize) -> UserSlice {
        UserSlice::new(UserPtr::from_addr(self.addr + offset), len)
    }
}

impl Drop for UserMap {
    fn drop(&mut self) {
        if c::heap_test_munmap(self.addr, self.len) != 0 {
            pr_err!("failed to unmap {} bytes at {:#x}\n", self.len, self.addr);
        }
    }
}

/// Makes the running thread look killed while it lives.
pub(crate) struct Killed(());

impl Killed {
    pub(crate) fn new() -> Self {
        c::heap_test_kill(true);
        Self(())
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        c::heap_test_kill(false);
    }
}

/// Lets allocations of this thread fail on demand while it lives.
pub(crate) struct Faults {
    byte: UserMap,
}

impl Faults {
    /// # Errors
    ///
    /// [`ENXIO`] if the kernel was built without fault injection.
    pub(crate) fn arm() -> Result<Self> {
        let byte = UserMap::anonymous(1)?;

        to_result(c::heap_test_arm_faults(true, byte.addr))?;
        Ok(Self { byte })
    }

    /// Runs `f`, in which allocation number `nth` fails, counted from 1. Returns what `f` returned
    /// and whether there were that many.
    pub(crate) fn inject<T>(&self, nth: u32, f: impl FnOnce() -> T) -> (T, bool) {
        c::heap_test_fail_nth(nth);
        let result = f();
        let failed = c::heap_test_fail_nth_left() == 0;
        c::heap_test_fail_nth(0);

        (result, failed)
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        if c::heap_test_arm_faults(false, self.byte.addr) != 0 {
            pr_err!("failed to restore the fault attributes\n");
        }
    }
}
