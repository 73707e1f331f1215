// SPDX-License-Identifier: GPL-2.0
/*
 * Work for the kernel's own drivers: what is written through them is compared
 * with what comes back once nothing of it is in memory any more.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <linux/dm-ioctl.h>

#define SUITE "drivers"
#include "suite.h"

/* What is probed may take a while: so often it is looked for. */
#define TRIES 600

/* Some kernels know no system call by which this libc sleeps. */
static void wait_100_ms(void)
{
	poll(NULL, 0, 100);
}

#define ROOT "/tmp/mnt"
#define FILES 12
#define ENTRIES 300
#define CHUNK 8192UL

/* The first line of a file. */
static bool read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool read = file && fgets(line, size, file);

	if (file)
		fclose(file);
	if (read)
		line[strcspn(line, "\n")] = '\0';
	return read;
}

/* Writes the device of the disk whose model begins with @model to @path. */
static void find_disk(const char *model, char *path, size_t size)
{
	for (int i = 0; i < TRIES; i++) {
		DIR *list = opendir("/sys/block");
		struct dirent *entry;

		if (!list)
			fail("/sys/block: %s", strerror(errno));
		while ((entry = readdir(list))) {
			char file[sizeof(entry->d_name) + 64], line[64];

			snprintf(file, sizeof(file), "/sys/block/%s/device/model", entry->d_name);
			if (!read_line(file, line, sizeof(line)) ||
			    strncmp(line, model, strlen(model)))
				continue;
			snprintf(path, size, "/dev/%s", entry->d_name);
			closedir(list);
			return;
		}
		closedir(list);
		wait_100_ms();
	}
	fail("no disk %s has appeared", model);
}

static void write_all(int fd, unsigned long offset, unsigned long len, unsigned int seed)
{
	static unsigned char data[CHUNK];

	for (unsigned long at = 0; at < len; at += CHUNK) {
		unsigned long part = len - at < CHUNK ? len - at : CHUNK;

		fill(data, offset + at, part, seed);
		if ((unsigned long)must(pwrite(fd, data, part, offset + at)) != part)
			fail("a short write at %#lx", offset + at);
	}
}

static void read_all(const char *what, int fd, unsigned long offset, unsigned long len,
		     unsigned int seed)
{
	static unsigned char data[CHUNK];

	for (unsigned long at = 0; at < len; at += CHUNK) {
		unsigned long part = len - at < CHUNK ? len - at : CHUNK;

		if ((unsigned long)must(pread(fd, data, part, offset + at)) != part)
			fail("%s: a short read at %#lx", what, offset + at);
		compare(what, data, offset + at, part, seed);
	}
}

static int open_file(int number, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), ROOT "/file%d", number);
	return must(open(path, flags | O_CLOEXEC, 0600));
}

/* No file is a whole number of pages. */
static unsigned long length_of(int number)
{
	return 5000UL * number + 300;
}

/* A directory of several blocks, with names of different lengths. */
static void name_entry(int number, char *path, size_t size)
{
	snprintf(path, size, ROOT "/directory/%0*d", 8 + number % 100, number);
}

static void write_files(void)
{
	char path[192];

	must(mkdir(ROOT "/directory", 0700));
	for (int i = 0; i < ENTRIES; i++) {
		name_entry(i, path, sizeof(path));
		must(symlink(path, path));
	}
	for (int i = 0; i < FILES; i++) {
		int fd = open_file(i, O_CREAT | O_EXCL | O_RDWR);

		write_all(fd, 0, length_of(i), i);
		if (i % 2)
			must(fsync(fd));
		close(fd);
	}
}

/* A process writes one file and reads another through a mapping. */
static void write_by_mapping(void)
{
	unsigned long len = length_of(FILES - 1);
	int fd = open_file(FILES - 1, O_RDWR);
	unsigned char *at = must(mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));

	compare("the mapping", at, 0, len, FILES - 1);
	fill(at, 0, len, FILES - 1 + 100);
	must(msync(at, len, MS_SYNC));
	must(munmap(at, len));
	read_all("what was written by a mapping", fd, 0, len, FILES - 1 + 100);
	close(fd);
}

static void read_files(void)
{
	char path[192], target[192];

	for (int i = 0; i < ENTRIES; i++) {
		ssize_t len;

		name_entry(i, path, sizeof(path));
		len = must(readlink(path, target, sizeof(target)));
		if ((size_t)len != strlen(path) || memcmp(path, target, len))
			fail("%s: expected itself, got %.*s", path, (int)len, target);
	}
	for (int i = 0; i < FILES; i++) {
		int fd = open_file(i, O_RDONLY);
		struct stat stat;

		must(fstat(fd, &stat));
		if ((unsigned long)stat.st_size != length_of(i))
			fail("file%d: expected %lu bytes, got %lu", i, length_of(i),
			     (unsigned long)stat.st_size);
		read_all("a file", fd, 0, length_of(i), i == FILES - 1 ? i + 100 : i);
		close(fd);
	}
}

/* Forgets what the kernel has read or written, as far as it can be. */
static void drop_caches(void)
{
	int fd;

	sync();
	fd = must(open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC));
	must(write(fd, "3", 1));
	close(fd);
}

/* A value of this length has a buffer of its own by vmalloc(), as it is no power of two. */
#define VALUE 20000UL

static void set_attributes(void)
{
	static unsigned char data[VALUE];

	for (int i = 0; i < FILES; i++) {
		int fd = open_file(i, O_RDONLY);

		fill(data, 0, VALUE, i + 50);
		must(fsetxattr(fd, "user.long", data, VALUE, 0));
		close(fd);
	}
}

static void compare_attributes(void)
{
	static unsigned char data[VALUE];

	for (int i = 0; i < FILES; i++) {
		int fd = open_file(i, O_RDONLY);

		if ((unsigned long)must(fgetxattr(fd, "user.long", data, VALUE)) != VALUE)
			fail("an attribute is too short");
		compare("an attribute", data, 0, VALUE, i + 50);
		close(fd);
	}
}

/* Makes, writes, forgets, compares. */
static void file_system(const char *model, const char *type, bool attributes)
{
	char disk[64];

	find_disk(model, disk, sizeof(disk));
	mkdir(ROOT, 0700);
	must(mount(disk, ROOT, type, 0, NULL));
	write_files();
	if (attributes)
		set_attributes();
	write_by_mapping();
	drop_caches();
	read_files();
	must(umount(ROOT));

	must(mount(disk, ROOT, type, 0, NULL));
	read_files();
	if (attributes)
		compare_attributes();
	must(umount(ROOT));
}

static void xfs(void)
{
	file_system("xfs", "xfs", true);
}

static void ext4(void)
{
	file_system("ext4", "ext4", false);
}

static void usb_storage(void)
{
	file_system("QEMU HARDDISK", "ext4", false);
}

#define SECTOR 512UL
#define ORIGIN_SECTORS 4096UL

/* A command of the device mapper to its device "snapshot". */
static void mapper(unsigned long command, const char *target)
{
	struct {
		struct dm_ioctl io;
		struct dm_target_spec spec;
		char parameters[256];
	} request = {
		.io = {
			.version = { DM_VERSION_MAJOR, 0, 0 },
			.data_size = sizeof(request),
			.data_start = sizeof(request.io),
			.name = "snapshot",
		},
	};
	static int control = -1;

	if (control < 0)
		control = must(open("/dev/mapper/control", O_RDWR | O_CLOEXEC));
	if (target) {
		request.io.target_count = 1;
		request.spec.length = ORIGIN_SECTORS;
		strcpy(request.spec.target_type, "snapshot");
		strncpy(request.parameters, target, sizeof(request.parameters) - 1);
	}
	must(ioctl(control, command, &request));
}

static int open_snapshot(const char *target)
{
	int fd = -1;

	mapper(DM_DEV_CREATE, NULL);
	mapper(DM_TABLE_LOAD, target);
	/* Which resumes it. */
	mapper(DM_DEV_SUSPEND, NULL);
	for (int i = 0; i < TRIES && fd < 0; i++) {
		fd = open("/dev/dm-0", O_RDWR | O_CLOEXEC);
		if (fd < 0)
			wait_100_ms();
	}
	return must(fd);
}

static void close_snapshot(int fd)
{
	must(fsync(fd));
	close(fd);
	mapper(DM_DEV_REMOVE, NULL);
}

/* Which chunks of a snapshot differ: dm-io writes that from an area by vmalloc(), and reads it. */
static void dm_snapshot(void)
{
	char origin[64], cow[64], target[192];
	int fd;

	find_disk("origin", origin, sizeof(origin));
	find_disk("cow", cow, sizeof(cow));
	snprintf(target, sizeof(target), "%s %s P 8", origin, cow);
	fd = must(open(origin, O_RDWR | O_CLOEXEC));
	write_all(fd, 0, 64 * CHUNK, 1);
	must(fsync(fd));
	close(fd);

	fd = open_snapshot(target);
	read_all("the origin", fd, 0, 64 * CHUNK, 1);
	for (int i = 0; i < 64; i += 3)
		write_all(fd, i * CHUNK, CHUNK, 2);
	close_snapshot(fd);

	drop_caches();
	fd = open_snapshot(target);
	for (int i = 0; i < 64; i++)
		read_all("the snapshot", fd, i * CHUNK, CHUNK, i % 3 ? 1 : 2);
	close_snapshot(fd);
}

/* For experiments, by IEEE 802. */
#define ETHERTYPE 0x88b5
#define FRAMES 64

static int open_card(const char *card)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE) };
	struct timeval limit = { .tv_sec = 10 };
	struct ifreq request = { .ifr_flags = IFF_UP | IFF_PROMISC };
	int fd = must(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETHERTYPE)));
	char path[64], carrier[8];

	strcpy(request.ifr_name, card);
	must(ioctl(fd, SIOCSIFFLAGS, &request));
	snprintf(path, sizeof(path), "/sys/class/net/%s/carrier", card);
	for (int i = 0;; i++) {
		if (read_line(path, carrier, sizeof(carrier)) && *carrier == '1')
			break;
		if (i == TRIES)
			fail("%s has no carrier", card);
		wait_100_ms();
	}
	must(ioctl(fd, SIOCGIFINDEX, &request));
	address.sll_ifindex = request.ifr_ifindex;
	must(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	return fd;
}

/* From the shortest to the longest. */
static size_t frame_of(unsigned char *frame, int number)
{
	size_t len = 60 + (1514 - 60) * number / (FRAMES - 1);

	memset(frame, 0xff, 12);
	frame[12] = ETHERTYPE >> 8;
	frame[13] = ETHERTYPE & 0xff;
	fill(frame + 14, 14, len - 14, number);
	return len;
}

/* All frames, a few at a time. */
static void send_and_receive(int from, int to)
{
	unsigned char frame[1514], got[2048];

	for (int first = 0; first < FRAMES; first += 4) {
		for (int i = first; i < first + 4; i++) {
			size_t len = frame_of(frame, i);

			must(send(from, frame, len, 0));
		}
		for (int i = first; i < first + 4; i++) {
			size_t len = frame_of(frame, i);

			if ((size_t)must(recv(to, got, sizeof(got), 0)) != len)
				fail("frame %d has another length", i);
			compare("a frame", got + 14, 14, len - 14, i);
		}
	}
}

/* Two cards on one wire. */
static void network(void)
{
	int one = open_card("eth0"), other = open_card("eth1");

	send_and_receive(one, other);
	send_and_receive(other, one);
}

static const struct test cases[] = {
	{ "xfs", xfs },
	{ "ext4", ext4 },
	{ "dm_snapshot", dm_snapshot },
	{ "network", network },
	{ "usb_storage", usb_storage },
};

int main(void)
{
	return run_all(cases, ARRAY_SIZE(cases));
}
