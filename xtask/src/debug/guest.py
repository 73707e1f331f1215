# SPDX-License-Identifier: GPL-2.0-only
"""What gdb does for `cargo xtask debug`, told by debug.json in its folder.

It knows the symbols of modules as they load, stops where a case begins, and stops after the access that the cache model
reports. All that it reads of the kernel has the same shape in every version and needs no types: ELF headers, and pointers
at the beginning of structures.
"""
import json
import os
import runpy
import sys
import traceback

import gdb
import gdb.FrameDecorator

with open("debug.json") as settings:
    SETTINGS = json.load(settings)
WORD = 4
# sizeof(Elf32_Shdr), and the places of fields in it and in Elf32_Ehdr.
SECTION, SECTION_FLAGS, SECTION_ADDR, SECTION_SIZE = 40, 8, 12, 20
NUMBER_OF_SECTIONS = 48
# After the state and a list.
MODULES_NAME = 12
# Sections that the kernel reads and does not keep.
DROPPED = (".modinfo", "__versions")
ALLOCATED = 2
# SHT_SYMTAB, and sizeof(Elf32_Sym).
SYMBOLS, SYMBOL = 2, 16
# With SHT_STRTAB.
TABLES = (SYMBOLS, 3)
# A name that is longer is none.
LONGEST = 256


def say(text):
    gdb.write(f"aliasheap: {text}\n")


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


PAGE = 4096
# The kernel's symbols.
KERNEL = {}


def number(address, size=WORD):
    return int.from_bytes(read(address, size), SETTINGS["byte_order"])


def string(address):
    # A page at a time: the next one may not be mapped.
    text = b""
    while len(text) < LONGEST and b"\0" not in text:
        here = address + len(text)
        text += read(here, min(64, PAGE - here % PAGE))
    return text.split(b"\0")[0].decode(errors="replace")


def register(name):
    return int(gdb.parse_and_eval(f"(unsigned int)${name}"))


def argument(index):
    return register(SETTINGS["arguments"][index])


class Elf:
    """What is needed of a file of the kernel's own class, 32 bits."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = file.read()
        first = self.number(0x20)
        count, names = self.number(NUMBER_OF_SECTIONS, 2), self.number(0x32, 2)
        # The places of their headers.
        self.headers = [first + SECTION * index for index in range(count)]
        self.names = self.number(self.headers[names] + 0x10)

    def number(self, place, size=WORD):
        return int.from_bytes(self.bytes[place : place + size], SETTINGS["byte_order"])

    def string(self, place):
        return self.bytes[place : self.bytes.index(b"\0", place)].decode(errors="replace")

    def loaded(self):
        """Name and size of each section that a module brings into the kernel, in their order."""
        for header in self.headers:
            name = self.string(self.names + self.number(header))
            if self.number(header + SECTION_FLAGS) & ALLOCATED and name not in DROPPED:
                yield name, self.number(header + SECTION_SIZE)

    def symbols(self):
        """All of the linker's. To gdb a weak function that was overridden may be the one of that name."""
        for header in self.headers:
            if self.number(header + WORD) != SYMBOLS:
                continue
            first, size = self.number(header + 0x10), self.number(header + SECTION_SIZE)
            names = self.number(self.headers[self.number(header + 0x18)] + 0x10)
            for symbol in range(first, first + size, SYMBOL):
                yield self.string(names + self.number(symbol)), self.number(symbol + WORD)


def quoted(path):
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Hook(gdb.Breakpoint):
    """Calls a function whenever the guest is at an address, and goes on unless that says otherwise."""

    def __init__(self, address, hit):
        super().__init__(f"*{address:#x}", internal=True)
        self.silent = True
        self.hit = hit

    def stop(self):
        try:
            return bool(self.hit())
        except Exception:
            traceback.print_exc()
            return True


# By module and section, where it lies.
SECTIONS = {}
# The same, and how long it is.
SIZES = {}


def module_loads():
    """At module_finalize(header, sections, module): sections have their addresses, and nothing has run.

    Names of sections are not read: the file has the same sections in the same order, and their sizes are compared.
    """
    header, sections, module = argument(0), argument(1), string(argument(2) + MODULES_NAME)
    path = SETTINGS["modules"].get(module)
    if path is None:
        say(f"{module} loads; its symbols are not known")
        return
    if module in SECTIONS:
        # The breakpoint was hit again: the instruction had to be tried twice.
        return
    found = []
    for index in range(1, number(header + NUMBER_OF_SECTIONS, 2)):
        section = sections + SECTION * index
        # The kernel keeps the tables of symbols too, if it can name them.
        if number(section + SECTION_FLAGS) & ALLOCATED and number(section + WORD) not in TABLES:
            found.append((number(section + SECTION_ADDR), number(section + SECTION_SIZE)))
    known = list(Elf(path).loaded())
    if [size for _, size in known] != [size for _, size in found]:
        say(f"{module} loads, and is not what {path} is; its symbols are not known")
        return
    SECTIONS[module], SIZES[module] = {}, {}
    for (name, size), (address, _) in zip(known, found):
        SECTIONS[module].setdefault(name, address)
        SIZES[module].setdefault(name, size)
    places = [f"-s {name} {address:#x}" for name, address in SECTIONS[module].items()]
    gdb.execute(f"add-symbol-file {quoted(path)} {' '.join(places)}", to_string=True)
    say(f"{module} loads, its code at {SECTIONS[module].get('.text', 0):#x}")
    arm()


# The case that runs, SUITE.CASE.
CASE = None
# Hooks that are in use, by address.
HOOKS = {}


def case_begins():
    """At kunit_try_run_case(context), whose first words are a test, its suite and the case."""
    global CASE
    context = argument(0)
    suite, case = number(context + WORD), number(context + 2 * WORD)
    CASE = f"{string(suite)}.{string(number(case + WORD))}"
    if CASE == SETTINGS["break_at"]:
        gdb.Breakpoint(f"*{number(case):#x}", temporary=True)
    arm()


def arm():
    """Puts a breakpoint at the access that is looked for, once it is known where that is and its case runs."""
    hazard = SETTINGS["hazard"]
    if hazard is None or (hazard["case"] is not None and hazard["case"] != CASE):
        return
    at = hazard["offset"]
    if hazard["module"] is not None:
        at += SECTIONS.get(hazard["module"], {}).get(hazard["section"], -at)
    if at and at not in HOOKS:
        HOOKS[at] = Hook(at, lambda: True)


def pc():
    return int(gdb.selected_frame().pc()) & 0xFFFFFFFF


def alive():
    return gdb.selected_inferior().pid != 0


def caught(since):
    """The places of what the cache model has found so far, after the first `since`, and how much that is."""
    places, count = [], 0
    with open(SETTINGS["findings"]) as findings:
        for line in findings:
            if not line.endswith("\n"):
                break
            record = json.loads(line)
            if record["record"] == "caught":
                count += 1
                if count > since:
                    places.append(int(record["pc"] or "0", 16))
    return places, count


def pursue():
    """Goes on until the access has just happened that the cache model reports. Whether it has."""
    passed = 0
    while True:
        gdb.execute("continue")
        if not alive():
            say(f"the guest ended; its access was passed {passed} times, and the cache model found nothing wrong with it")
            return False
        here = pc()
        if here not in HOOKS:
            # A breakpoint of the user's.
            return True
        _, before = caught(0)
        gdb.execute("stepi")
        passed += 1
        # The plugin has followed all that the guest did before gdb is told that it stands.
        if here in caught(before)[0]:
            HOOKS[here].enabled = False
            say(f"this is the access that VCSan reports, the {ordinal(passed)} time that it is made in {CASE or 'this run'}")
            gdb.execute(f"info symbol {here:#x}")
            gdb.execute(f"info line *{here:#x}")
            return True


class Names(gdb.FrameDecorator.FrameDecorator):
    """A frame whose function has its Rust name, also where the compiler took it for C."""

    def function(self):
        name = super().function()
        if isinstance(name, str) and name.startswith("_R"):
            name = gdb.execute(f"demangle -l rust -- {name}", to_string=True).strip()
        return name


class RustNames:
    def __init__(self):
        self.name, self.priority, self.enabled = "rust-names", 100, True
        gdb.frame_filters[self.name] = self

    def filter(self, frames):
        return map(Names, frames)


def ordinal(count):
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{count}{'th' if count % 100 in (11, 12, 13) else ends.get(count % 10, 'th')}"


def in_c(invoke):
    def wrapped(*arguments):
        with gdb.with_parameter("language", "c"):
            return invoke(*arguments)

    return wrapped


def load_scripts(_event=None):
    """Has the kernel's own commands, lx-ps and others, once the kernel's memory can be read: they read it as they load."""
    try:
        read(KERNEL["linux_banner"], 1)
    except gdb.MemoryError:
        return
    gdb.events.stop.disconnect(load_scripts)
    scripts = SETTINGS["scripts"]
    sys.path.insert(0, os.path.dirname(scripts["loader"]))
    try:
        # They are written for C, whatever the language of a frame.
        with gdb.with_parameter("language", "c"):
            runpy.run_path(scripts["loader"], {"sys": sys, "gdb": gdb})
    except Exception as error:
        say(f"not all of the kernel's own commands are here: {error}")
    for kind in gdb.Command.__subclasses__() + gdb.Function.__subclasses__():
        if kind.__module__.startswith("linux."):
            kind.invoke = in_c(kind.invoke)
    ModulesAreKnown()


class ModulesAreKnown(gdb.Command):
    """Says why it does nothing: the symbols of modules are read as they load, before anything of them runs."""

    def __init__(self):
        super().__init__("lx-symbols", gdb.COMMAND_FILES)

    def invoke(self, _arguments, _from_tty):
        say(f"the symbols of modules are read as they load; here are those of {', '.join(SECTIONS) or 'none yet'}")


def types(path):
    """The command that reads types of the kernel's variables from an object. Each has a section of its own there, such as
    .bss.init_task, and is where the kernel has it."""
    variables = [(name, name.split(".")[-1]) for name, _ in Elf(path).loaded() if name.count(".") == 2]
    places = [f"-s {name} {KERNEL[variable]:#x}" for name, variable in variables if variable in KERNEL]
    return f"add-symbol-file {quoted(path)} {' '.join(places)}"


def start():
    KERNEL.update(Elf(SETTINGS["symbols"]).symbols())
    for command in [
        "set confirm off",
        "set pagination off",
        "set suppress-cli-notifications on",
        "set breakpoint pending on",
        "set remotetimeout 60",
        # Before the kernel, which has the same variables without types: gdb takes what it reads first.
        *([types(SETTINGS["scripts"]["types"])] if SETTINGS["scripts"] else []),
        f"file {quoted(SETTINGS['symbols'])}",
        f"directory {SETTINGS['source']}",
        "target remote gdb.sock",
    ]:
        gdb.execute(command, to_string=True)
    RustNames()
    if SETTINGS["arch"] in UNWINDERS:
        gdb.unwinder.register_unwinder(None, UNWINDERS[SETTINGS["arch"]](), replace=True)
    Hook(KERNEL["module_finalize"], module_loads)
    if SETTINGS["break_at"] is not None or SETTINGS["hazard"] is not None:
        Hook(KERNEL["kunit_try_run_case"], case_begins)
    arm()
    there = True
    if SETTINGS["hazard"] is not None:
        there = pursue()
    elif SETTINGS["break_at"] is not None:
        gdb.execute("continue")
        there = alive()
        if not there:
            say(f"the guest ended, and {SETTINGS['break_at']} did not begin")
    gdb.execute("set suppress-cli-notifications off")
    if there and SETTINGS["scripts"]:
        gdb.events.stop.connect(load_scripts)
        load_scripts()
    if there:
        gdb.execute("frame")
    for command in SETTINGS["commands"] if there else []:
        gdb.write(f"(gdb) {command}\n")
        try:
            gdb.execute(command)
        except gdb.error as error:
            gdb.write(f"{error}\n")
            there = False
    return there


try:
    STATUS = 0 if start() else 1
except gdb.error as error:
    say(f"failed to {error}")
    STATUS = 1
if SETTINGS["batch"] or STATUS:
    try:
        if alive():
            gdb.execute("kill", to_string=True)
    except gdb.error:
        # QEMU ends without an answer.
        pass
    gdb.execute(f"quit {STATUS}")
