// SPDX-License-Identifier: GPL-2.0
/*
 * Tells VCSan what the cases do. Prototypes are repeated in vcsan.rs.
 */

#include <kunit/test-bug.h>
#include <kunit/test.h>
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

/* The suite that runs, and the case that VCSan has been told of. */
static const char *suite_name = "?";
static const char *told;

static int suite_starts(struct kunit_suite *suite)
{
	suite_name = suite->name;
	told = NULL;

	return 0;
}

/* KUnit does not tell a case's suite, and cases of two suites may have one name. */
void heap_test_follow_suites(void)
{
	for (int i = 0; i < THIS_MODULE->num_kunit_suites; i++)
		THIS_MODULE->kunit_suites[i]->suite_init = suite_starts;
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

/* @addr: a physical address, or a bus address, which is the same where there is no IOMMU. */
void heap_test_watch(u64 addr, unsigned long len)
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
