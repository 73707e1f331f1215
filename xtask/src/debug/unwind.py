# SPDX-License-Identifier: GPL-2.0-only
"""How frames are unwound that DWARF does not describe, or that gdb has no reader for.

It is run before guest.py, whose functions it calls.
"""
import gdb.unwinder


class Frame:
    """What tells one frame from another."""

    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class Assembler(gdb.unwinder.Unwinder):
    """Frames of ARM's assembly, which the kernel describes by the tables of its own unwinder (EHABI) and not by DWARF."""

    def __init__(self):
        super().__init__("aliasheap-arm-assembly")
        self.index = None

    def __call__(self, pending):
        pc = int(pending.read_register("pc")) & 0xFFFFFFFF
        place = gdb.find_pc_line(pc).symtab
        if place is None or not place.filename.endswith(".S"):
            return None
        code = self.opcodes(pc)
        if code is None:
            return None
        registers = [int(pending.read_register(name)) & 0xFFFFFFFF for name in ARM]
        saved, sp = {}, registers[13]
        code = iter(code)
        for op in code:
            if op < 0x40:
                sp += (op << 2) + 4
            elif op < 0x80:
                sp -= ((op & 0x3F) << 2) + 4
            elif op < 0x90:
                mask = (op & 0xF) << 8 | next(code)
                sp = self.pop([4 + bit for bit in range(12) if mask >> bit & 1], sp, saved)
            elif op < 0xA0:
                sp = registers[op & 0xF]
            elif op < 0xB0:
                sp = self.pop([*range(4, 5 + (op & 7)), *([14] if op & 8 else [])], sp, saved)
            elif op == 0xB1:
                mask = next(code)
                sp = self.pop([bit for bit in range(4) if mask >> bit & 1], sp, saved)
            else:
                break
        caller = saved.pop(14, registers[14])
        word = pending.read_register("r0").type
        info = pending.create_unwind_info(Frame(gdb.Value(sp), gdb.Value(pc)))
        # What is not told counts as lost.
        for register in ["cpsr", *(ARM[n] for n in range(4, 12) if n not in saved)]:
            info.add_saved_register(register, pending.read_register(register))
        for register, value in [*saved.items(), (13, sp), (15, caller)]:
            info.add_saved_register(ARM[register], gdb.Value(value).cast(word))
        return info

    def opcodes(self, pc):
        """The bytes that say how the function at `pc` has changed the stack."""
        first = KERNEL["__start_unwind_idx"]
        if self.index is None:
            words = read(first, KERNEL["__stop_unwind_idx"] - first)
            self.index = [
                (first + at + self.prel31(words[at : at + 4]) & 0xFFFFFFFF, at)
                for at in range(0, len(words), 8)
            ]
        found = [at for start, at in self.index if start <= pc]
        if not found:
            return None
        place = first + found[-1] + WORD
        entry = number(place)
        if entry == 1:
            return None
        if not entry >> 31:
            place = place + self.prel31(read(place, WORD)) & 0xFFFFFFFF
            entry = number(place)
        code = entry.to_bytes(4, "big")
        if entry >> 24 & 0xF:
            return code[2:] + b"".join(number(place + 4 + 4 * i).to_bytes(4, "big") for i in range(code[1]))
        return code[1:]

    def prel31(self, word):
        offset = int.from_bytes(word, SETTINGS["byte_order"]) & 0x7FFFFFFF
        return offset - 0x80000000 if offset & 0x40000000 else offset

    def pop(self, registers, sp, saved):
        for register in registers:
            saved[register] = number(sp)
            sp += WORD
        return sp


# An entry of its table: the first and the last instruction, two words of flags.
ENTRY = 16
CANNOT_UNWIND, MILLICODE = 1 << 31, 1 << 30


class Hppa(gdb.unwinder.Unwinder):
    """Frames of PA-RISC, by the kernel's own unwind tables, as they lie in the guest.

    gdb does not read DWARF's frames on this machine. Of its tables it reads those that a linker has made; a module's are the
    loader's, and a file of symbols has none.
    """

    def __init__(self):
        super().__init__("aliasheap-hppa")
        # By module; the kernel's has the name None.
        self.tables = {}

    def __call__(self, pending):
        # The lowest bits are the privilege.
        pc = int(pending.read_register("pc")) & 0xFFFFFFFC
        found = self.entry(pc)
        if found is None or found[1] & CANNOT_UNWIND:
            return None
        start, flags, frame = found
        frame = (frame & 0x7FFFFFF) << 3
        sp = int(pending.read_register("sp")) & 0xFFFFFFFF
        # Where its saved registers lie: from its own stack pointer, or from its caller's.
        own, callers, is_made = {}, {}, False
        code = read(start, max(pc - start, 0))
        for at in range(0, len(code), WORD):
            insn = int.from_bytes(code[at : at + WORD], "big")
            offset = ((insn & 0x3FFF) >> 1) - (0x2000 if insn & 1 else 0)
            register = insn >> 16 & 0x1F
            # stw,ma register,offset(sp); ldo offset(sp),sp and ldo offset(r1),sp.
            if insn & 0xFFE00001 == 0x6FC00000 and not is_made:
                is_made = True
                callers.setdefault(register, 0)
            elif insn & 0xFFFFC001 == 0x37DE0000 or insn & 0xFFFFC000 == 0x343E0000:
                is_made = True
            # stw register,offset(sp); the first time that is what the caller had in it.
            elif insn & 0xFFE0C000 == 0x6BC00000 and (register == RP or register in SAVED):
                if register not in own and register not in callers:
                    (own if is_made else callers)[register] = offset
        above = sp - (frame if is_made else 0)
        places = {register: sp + offset for register, offset in own.items()}
        places.update({register: above + offset for register, offset in callers.items()})
        word = pending.read_register("r3").type
        if RP in places:
            caller = number(places[RP])
        else:
            caller = int(pending.read_register("r31" if flags & MILLICODE else "rp"))
        caller &= 0xFFFFFFFC
        info = pending.create_unwind_info(Frame(gdb.Value(above), gdb.Value(start)))
        values = {"sp": above, "rp": caller, "pcoqh": caller, "pcoqt": caller + WORD}
        for register in SAVED:
            if register in places:
                values[f"r{register}"] = number(places[register])
        for register, value in values.items():
            info.add_saved_register(register, gdb.Value(value).cast(word))
        # What is not told counts as lost.
        for register in ["ipsw", *(f"r{n}" for n in SAVED if n not in places)]:
            info.add_saved_register(register, pending.read_register(register))
        return info

    def entry(self, pc):
        for name, first, size in self.places():
            table = self.tables.get((name, first))
            if table is None:
                words = read(first, size)
                table = self.tables[name, first] = [
                    tuple(int.from_bytes(words[at + i : at + i + WORD], "big") for i in range(0, ENTRY, WORD))
                    for at in range(0, size - size % ENTRY, ENTRY)
                ]
            for start, end, flags, frame in table:
                if start <= pc <= end:
                    return start, flags, frame
        return None

    def places(self):
        first = KERNEL["__start___unwind"]
        yield None, first, KERNEL["__stop___unwind"] - first
        for module, sections in SECTIONS.items():
            if TABLE in sections:
                yield module, sections[TABLE], SIZES[module][TABLE]


TABLE = ".PARISC.unwind"
# What a function returns by, and what it has to leave as it was.
RP, SAVED = 2, range(3, 19)
ARM = [*(f"r{n}" for n in range(13)), "sp", "lr", "pc"]
UNWINDERS = {"arm": Assembler, "parisc": Hppa}
