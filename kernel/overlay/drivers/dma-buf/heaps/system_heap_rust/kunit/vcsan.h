/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SYSTEM_HEAP_RUST_KUNIT_VCSAN_H
#define _SYSTEM_HEAP_RUST_KUNIT_VCSAN_H

#include <linux/types.h>

bool heap_test_is_watched(void);
void heap_test_follow_suites(void);
void heap_test_watch(u64 addr, unsigned long len);
void heap_test_unwatch_bus(u32 addr, unsigned long len);
void heap_test_device_reads(u32 addr, unsigned long len);
void heap_test_device_writes(u32 addr, unsigned long len);
void heap_test_expect_hazard(const char *what);

#endif
