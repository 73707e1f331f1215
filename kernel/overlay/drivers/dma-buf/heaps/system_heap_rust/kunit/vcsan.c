// SPDX-License-Identifier: GPL-2.0
/*
 * Tells VCSan what the cases do. Prototypes are repeated in vcsan.rs.
 */

#include <kunit/test-bug.h>
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/vcsan.h>

#include "vcsan.h"

static bool vcsan;
module_param(vcsan, bool, 0444);
MODULE_PARM_DESC(vcsan, "VCSan watches this machine (default: no)");

bool heap_test_is_watched(void)
{
	return vcsan;
}

/* Adds " name=address" of one of this module's sections, which its file in sysfs has. */
static int tell_section(char *text, size_t size, const char *section)
{
	char path[96], address[24] = "";
	struct file *file;
	loff_t pos = 0;
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/module/%s/sections/%s", THIS_MODULE->name, section);
	file = filp_open(path, O_RDONLY, 0);
	if (IS_ERR(file))
		return 0;
	len = kernel_read(file, address, sizeof(address) - 1, &pos);
	filp_close(file, NULL);

	return len > 0 ? scnprintf(text, size, " %s=%s", section, strim(address)) : 0;
}

/* The suite that runs, and the case that VCSan has been told of. */
static const char *suite_name = "?";
static const char *told;

static int suite_starts(struct kunit_suite *suite)
{
	suite_name = suite->name;
	told = NULL;

	return 0;
}

/*
 * Where this module's code lies, before its cases run: user space learns it
 * when they are over, and never if one of them takes the kernel down. Each
 * suite will say that it starts, as KUnit does not tell a case's suite, and
 * cases of two suites may have one name.
 */
void heap_test_tell_module(void)
{
	static const char *const sections[] = {
		".text", ".text.unlikely", ".init.text", ".exit.text",
	};
	char text[256];
	int len;

	if (!vcsan)
		return;
	for (int i = 0; i < THIS_MODULE->num_kunit_suites; i++)
		THIS_MODULE->kunit_suites[i]->suite_init = suite_starts;

	len = scnprintf(text, sizeof(text), "%s", THIS_MODULE->name);
	for (int i = 0; i < ARRAY_SIZE(sections); i++)
		len += tell_section(text + len, sizeof(text) - len, sections[i]);
	vcsan_note(VCSAN_MODULE, text, len, 0, 0);
}

/* Every note belongs to the case that runs, which is said first if it is a new one. */
static void note(enum vcsan_kind kind, const char *text, u64 a, u64 b)
{
	struct kunit *test = kunit_get_current_test();

	if (test && test->name != told) {
		char name[128];
		int len = scnprintf(name, sizeof(name), "%s.%s", suite_name, test->name);

		told = test->name;
		vcsan_note(VCSAN_TEST, name, len, 0, 0);
	}
	vcsan_note(kind, text, strlen(text), a, b);
}

/* @start: an address of the direct map. */
void heap_test_watch(const void *start, unsigned long len)
{
	note(VCSAN_WATCH, "buffer", virt_to_phys(start), len);
}

/* @addr: a bus address, which is a physical one where there is no IOMMU. */
void heap_test_watch_bus(u32 addr, unsigned long len)
{
	note(VCSAN_WATCH, "buffer", addr, len);
}

void heap_test_unwatch_bus(u32 addr, unsigned long len)
{
	note(VCSAN_UNWATCH, "", addr, len);
}

void heap_test_device_reads(u32 addr, unsigned long len)
{
	note(VCSAN_DEVICE_READ, "", addr, len);
}

void heap_test_device_writes(u32 addr, unsigned long len)
{
	note(VCSAN_DEVICE_WRITE, "", addr, len);
}

void heap_test_expect_hazard(const char *what)
{
	note(VCSAN_EXPECT, what, 0, 0);
}
