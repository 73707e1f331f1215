// SPDX-License-Identifier: GPL-2.0
/*
 * Tells VCSan what the cases do. Prototypes are repeated in vcsan.rs.
 */

#include <kunit/test-bug.h>
#include <kunit/test.h>
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

/* The suite of the case that runs. The names of cases are their own, so their addresses tell. */
static const char *suite_of(const struct kunit *test)
{
	for (int i = 0; i < THIS_MODULE->num_kunit_suites; i++) {
		struct kunit_suite *suite = THIS_MODULE->kunit_suites[i];
		struct kunit_case *test_case;

		kunit_suite_for_each_test_case(suite, test_case) {
			if (test_case->name == test->name)
				return suite->name;
		}
	}

	return "?";
}

/* Every note belongs to the case that runs, which is said first if it is a new one. */
static void note(enum vcsan_kind kind, const char *text, u64 a, u64 b)
{
	static const char *told;
	struct kunit *test = kunit_get_current_test();

	if (test && test->name != told) {
		char name[128];
		int len = scnprintf(name, sizeof(name), "%s.%s", suite_of(test), test->name);

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
