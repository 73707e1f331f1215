// SPDX-License-Identifier: GPL-2.0-only
//! Passes gdb's remote protocol on to QEMU, and reads through the kernel's page tables what QEMU can't.
//!
//! Where software fills the TLB, QEMU reads for a debugger only what is in it: a backtrace would end where the stack leaves
//! those pages. The protocol is gdb's ("Remote Protocol" in its manual) with QEMU's `Qqemu.PhyMemMode`
//! (`docs/system/gdb.rst` there).

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

const PAGE: u32 = 4096;

/// Page tables of a kernel with 32-bit words and pages of 4 KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// MIPS32 release 2 with RI and XI, in whose entries the page has its own place.
    Mips {
        /// The order of bytes in a word.
        big_endian: bool,
    },
    /// 32-bit PA-RISC.
    Parisc,
}

impl Tables {
    /// The physical address that `address` has without a table, if it needs none.
    fn linear(self, address: u32) -> Option<u32> {
        match self {
            // kseg0 and kseg1
            Tables::Mips { .. } if (0x8000_0000..0xc000_0000).contains(&address) => {
                Some(address & 0x1fff_ffff)
            }
            // From __PAGE_OFFSET to where devices are.
            Tables::Parisc if (0x1000_0000..0xf000_0000).contains(&address) => {
                Some(address - 0x1000_0000)
            }
            _ => None,
        }
    }

    fn word(self, bytes: &[u8]) -> Option<u32> {
        let bytes = bytes.try_into().ok()?;
        Some(match self {
            Tables::Mips { big_endian: false } => u32::from_le_bytes(bytes),
            _ => u32::from_be_bytes(bytes),
        })
    }

    /// The physical address of `address`; `read` reads physical words, and `top` is where `swapper_pg_dir` lies.
    fn walk(self, address: u32, top: u32, mut read: impl FnMut(u32) -> Option<u32>) -> Option<u32> {
        if let Some(physical) = self.linear(address) {
            return Some(physical);
        }
        let table = read(self.linear(top)?.checked_add((address >> 22) * 4)?)?;
        let table = match self {
            Tables::Mips { .. } => self.linear(table)?,
            Tables::Parisc if table == 0 => return None,
            Tables::Parisc => (table & !0xf) << 8,
        };
        let entry = read(table.checked_add((address >> 12) % 1024 * 4)?)?;
        // _PAGE_GLOBAL and _PAGE_VALID.
        let valid = match self {
            Tables::Mips { .. } => entry & 0xc0 == 0xc0,
            Tables::Parisc => entry != 0,
        };
        valid.then(|| entry / PAGE * PAGE + address % PAGE)
    }
}

/// Passes on what `gdb` and `qemu` say until one of them ends. `top` is where the kernel's `swapper_pg_dir` lies.
///
/// # Errors
/// A connection can't be used.
pub fn serve(gdb: UnixStream, qemu: UnixStream, tables: Tables, top: u32) -> io::Result<()> {
    let (sender, heard) = channel();
    let ends = [gdb.try_clone()?, qemu.try_clone()?];
    for (stream, from) in [
        (gdb.try_clone()?, Heard::Gdb as fn(_) -> _),
        (qemu.try_clone()?, Heard::Qemu),
    ] {
        let sender = sender.clone();
        thread::spawn(move || listen(stream, from, &sender));
    }
    let mut between = Between {
        gdb,
        qemu,
        heard,
        tables,
        top,
    };
    let result = between.serve();
    for end in ends {
        // It may have ended by itself.
        let _ = end.shutdown(std::net::Shutdown::Both);
    }
    result
}

enum Heard {
    Gdb(Said),
    Qemu(Said),
    Ended,
}

enum Said {
    /// What stands between `$` and `#`.
    Packet(Vec<u8>),
    /// What gdb sends while the guest runs.
    Interrupt,
}

/// Takes apart what comes from `stream`. Acknowledgements are dropped: each end gets its own.
fn listen(mut stream: UnixStream, from: fn(Said) -> Heard, to: &Sender<Heard>) {
    let (mut packets, mut buffer) = (Packets::default(), [0; 4096]);
    loop {
        let got = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(got) => got,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        for byte in &buffer[..got] {
            if let Some(said) = packets.next(*byte)
                && to.send(from(said)).is_err()
            {
                return;
            }
        }
    }
    // The other one may have ended first.
    let _ = to.send(Heard::Ended);
}

#[derive(Default)]
struct Packets {
    packet: Option<Vec<u8>>,
    /// How many digits of the sum are still to come.
    sum: u8,
}

impl Packets {
    fn next(&mut self, byte: u8) -> Option<Said> {
        match (&mut self.packet, byte) {
            (Some(_), _) if self.sum > 0 => {
                self.sum -= 1;
                if self.sum == 0 {
                    return self.packet.take().map(Said::Packet);
                }
            }
            (Some(_), b'#') => self.sum = 2,
            (Some(packet), byte) => packet.push(byte),
            (None, b'$') => self.packet = Some(Vec::new()),
            (None, 3) => return Some(Said::Interrupt),
            (None, _) => {}
        }
        None
    }
}

fn send(to: &mut UnixStream, packet: &[u8]) -> io::Result<()> {
    let sum = packet.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    let mut bytes = b"$".to_vec();
    bytes.extend(packet);
    write!(bytes, "#{sum:02x}")?;
    to.write_all(&bytes)
}

struct Between {
    gdb: UnixStream,
    qemu: UnixStream,
    heard: Receiver<Heard>,
    tables: Tables,
    top: u32,
}

impl Between {
    fn serve(&mut self) -> io::Result<()> {
        while let Ok(heard) = self.heard.recv() {
            match heard {
                Heard::Gdb(Said::Packet(packet)) => {
                    self.gdb.write_all(b"+")?;
                    match wanted(&packet) {
                        Some((address, size)) => {
                            let Some(reply) = self.read(address, size, &packet)? else {
                                break;
                            };
                            send(&mut self.gdb, &reply)?;
                        }
                        None => send(&mut self.qemu, &packet)?,
                    }
                }
                Heard::Qemu(Said::Packet(packet)) => {
                    self.qemu.write_all(b"+")?;
                    send(&mut self.gdb, &packet)?;
                }
                Heard::Gdb(Said::Interrupt) => self.qemu.write_all(&[3])?,
                Heard::Qemu(Said::Interrupt) => {}
                Heard::Ended => break,
            }
        }
        Ok(())
    }

    /// What QEMU replies, or none if it has ended. The guest stands.
    fn ask(&mut self, packet: &[u8]) -> io::Result<Option<Vec<u8>>> {
        send(&mut self.qemu, packet)?;
        loop {
            match self.heard.recv() {
                Ok(Heard::Qemu(Said::Packet(reply))) => {
                    self.qemu.write_all(b"+")?;
                    return Ok(Some(reply));
                }
                Ok(Heard::Ended) | Err(_) => return Ok(None),
                Ok(_) => {}
            }
        }
    }

    /// The reply to gdb's `packet`, which asks for `size` bytes at `address`.
    fn read(&mut self, address: u32, size: u32, packet: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let Some(reply) = self.ask(packet)? else {
            return Ok(None);
        };
        if !reply.starts_with(b"E") {
            return Ok(Some(reply));
        }
        if self.ask(b"Qqemu.PhyMemMode:1")?.as_deref() != Some(b"OK") {
            return Ok(Some(reply));
        }
        let mut found = Vec::new();
        let mut at = address;
        let end = address.saturating_add(size);
        while at < end {
            let chunk = (PAGE - at % PAGE).min(end - at);
            let (tables, top) = (self.tables, self.top);
            let mut failed = None;
            let physical = tables.walk(at, top, |place| {
                let word = self.physical(place, 4);
                let word = word.map_err(|e| failed = Some(e)).ok()?;
                tables.word(&word?)
            });
            if let Some(error) = failed {
                return Err(error);
            }
            let bytes = match physical {
                Some(physical) => self.physical(physical, chunk)?,
                None => None,
            };
            // gdb takes the beginning, and asks for the rest.
            let Some(bytes) = bytes else { break };
            found.extend(bytes);
            at += chunk;
        }
        if self.ask(b"Qqemu.PhyMemMode:0")?.is_none() {
            return Ok(None);
        }
        if found.is_empty() {
            return Ok(Some(reply));
        }
        let text = found.iter().map(|byte| format!("{byte:02x}"));
        Ok(Some(text.collect::<String>().into_bytes()))
    }

    /// What is in physical memory, if there is any.
    fn physical(&mut self, address: u32, size: u32) -> io::Result<Option<Vec<u8>>> {
        let reply = self.ask(format!("m{address:x},{size:x}").as_bytes())?;
        Ok(reply.as_deref().and_then(bytes))
    }
}

/// Where gdb wants to read, and how much.
fn wanted(packet: &[u8]) -> Option<(u32, u32)> {
    let text = std::str::from_utf8(packet.strip_prefix(b"m")?).ok()?;
    let (address, size) = text.split_once(',')?;
    let address = u32::from_str_radix(address, 16).ok()?;
    Some((address, u32::from_str_radix(size, 16).ok()?))
}

fn bytes(reply: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(reply).ok()?;
    if text.starts_with('E') || text.is_empty() || !text.is_ascii() || text.len() % 2 != 0 {
        return None;
    }
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn pages_are_found_by_the_tables_of_each_kernel() {
        let parisc = BTreeMap::from([(0x5000 + 8, 0x61_0001), (0x6100_0000 + 0x129 * 4, 0x7abc)]);
        let read = |place: u32| parisc.get(&place).copied();
        // A module's code, a linear address, and nothing.
        let walk = |address| Tables::Parisc.walk(address, 0x1000_5000, read);
        assert_eq!(walk(0x0092_9008), Some(0x7008));
        assert_eq!(walk(0x1000_0010), Some(0x10));
        assert_eq!(walk(0x0040_0000), None);

        let mips = BTreeMap::from([
            (0x9000 + 0x300 * 4, 0x8100_0000),
            (0x0100_0000 + 4, 0x0345_60c7),
            (0x0100_0000 + 8, 0x0345_6000),
        ]);
        let read = |place: u32| mips.get(&place).copied();
        let tables = Tables::Mips { big_endian: true };
        let walk = |address| tables.walk(address, 0x8000_9000, read);
        assert_eq!(walk(0xc000_1234), Some(0x0345_6234));
        assert_eq!(walk(0xc000_2000), None);
        assert_eq!(walk(0x8000_0004), Some(4));
    }

    /// QEMU as far as it matters: one page of virtual memory that it can read, and one of physical memory.
    fn stub(mut stream: UnixStream) {
        let (mut packets, mut buffer, mut by_physical) = (Packets::default(), [0; 64], false);
        while let Ok(got) = stream.read(&mut buffer) {
            if got == 0 {
                return;
            }
            for byte in &buffer[..got] {
                let Some(Said::Packet(packet)) = packets.next(*byte) else {
                    continue;
                };
                let reply: &[u8] = match (packet.as_slice(), by_physical) {
                    (b"Qqemu.PhyMemMode:1", _) => {
                        by_physical = true;
                        b"OK"
                    }
                    (b"Qqemu.PhyMemMode:0", _) => {
                        by_physical = false;
                        b"OK"
                    }
                    (b"m10002000,2", false) => b"aabb",
                    (b"m3ffe,2", true) => b"cafe",
                    (b"m4000,2", true) => b"f00d",
                    _ => b"E14",
                };
                stream.write_all(b"+").expect("written");
                send(&mut stream, reply).expect("written");
            }
        }
    }

    fn asked(stream: &mut UnixStream, packet: &[u8]) -> String {
        send(stream, packet).expect("written");
        let (mut packets, mut byte) = (Packets::default(), [0]);
        loop {
            stream.read_exact(&mut byte).expect("an answer");
            if let Some(Said::Packet(reply)) = packets.next(byte[0]) {
                return String::from_utf8(reply).expect("text");
            }
        }
    }

    #[test]
    fn what_qemu_cannot_read_is_read_by_its_physical_address() {
        let (mut gdb, between) = UnixStream::pair().expect("a pair");
        let (near, far) = UnixStream::pair().expect("a pair");
        thread::spawn(|| stub(far));
        let served = thread::spawn(|| serve(between, near, Tables::Parisc, 0x1000_5000));
        assert_eq!(asked(&mut gdb, b"m10002000,2"), "aabb");
        // Across the end of a page.
        assert_eq!(asked(&mut gdb, b"m10003ffe,4"), "cafef00d");
        // Up to where there is nothing, and nothing at all.
        assert_eq!(asked(&mut gdb, b"m10004ffe,2"), "E14");
        assert_eq!(asked(&mut gdb, b"?"), "E14");
        drop(gdb);
        let served = served.join().expect("it ends");
        served.expect("nothing went wrong");
    }
}
