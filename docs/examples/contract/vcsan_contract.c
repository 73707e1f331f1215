// SPDX-License-Identifier: GPL-2.0
/*
 * What VCSan reports of the contract of the streaming DMA API: a driver that
 * keeps it, and one mistake a case. Each case names the one finding that it
 * provokes, and fails if there is another one or none.
 *
 *   cargo xtask test arm-vivt --module docs/examples/contract
 */

#include <kunit/test.h>
#include <linux/compiler.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vcsan.h>

#define SUITE "vcsan_contract"

struct driver {
	struct device *dev;
	/* Cache lines of its own, as kmalloc() sees to ARCH_DMA_MINALIGN. */
	u32 *buf;
};

#define LEN 512

static void note(enum vcsan_kind kind, const char *text)
{
	vcsan_note(kind, text, strlen(text), 0, 0);
}

/* @what: "title | alias | function | missing" */
static void expect(const char *what)
{
	note(VCSAN_EXPECT, what);
}

static dma_addr_t map(struct kunit *test, void *ptr, size_t len, enum dma_data_direction dir)
{
	struct driver *drv = test->priv;
	dma_addr_t addr = dma_map_single(drv->dev, ptr, len, dir);

	KUNIT_ASSERT_EQ(test, dma_mapping_error(drv->dev, addr), 0);

	return addr;
}

/* Calls at a function's end are jumps, so that its caller would be named. */
static __always_inline void sync_for_device(struct kunit *test, dma_addr_t addr, size_t len,
					    enum dma_data_direction dir)
{
	struct driver *drv = test->priv;

	dma_sync_single_for_device(drv->dev, addr, len, dir);
	barrier();
}

static __always_inline void unmap(struct kunit *test, dma_addr_t addr, size_t len,
				  enum dma_data_direction dir)
{
	struct driver *drv = test->priv;

	dma_unmap_single(drv->dev, addr, len, dir);
	barrier();
}

static noinline u32 driver_reads(const u32 *word)
{
	return READ_ONCE(*word);
}

static noinline void driver_writes(u32 *word, u32 value)
{
	WRITE_ONCE(*word, value);
}

static void keeps_the_contract(struct kunit *test)
{
	struct driver *drv = test->priv;
	dma_addr_t addr;

	driver_writes(drv->buf, 1);
	addr = map(test, drv->buf, LEN, DMA_TO_DEVICE);
	driver_reads(drv->buf);
	driver_writes(drv->buf, 2);
	sync_for_device(test, addr, LEN, DMA_TO_DEVICE);
	unmap(test, addr, LEN, DMA_TO_DEVICE);

	addr = map(test, drv->buf, LEN, DMA_FROM_DEVICE);
	dma_sync_single_range_for_cpu(drv->dev, addr, 0, 64, DMA_FROM_DEVICE);
	driver_reads(drv->buf + 1);
	driver_writes(drv->buf + 2, 3);
	dma_sync_single_range_for_device(drv->dev, addr, 0, 64, DMA_FROM_DEVICE);
	unmap(test, addr, LEN, DMA_FROM_DEVICE);
	driver_reads(drv->buf + LEN / 4 - 1);
	driver_writes(drv->buf, 4);
}

/* The second value is in the cache when the device reads. */
static void does_not_sync_for_the_device(struct kunit *test)
{
	struct driver *drv = test->priv;
	dma_addr_t addr;

	expect("stale device read | direct map | driver_writes* | write back*");
	addr = map(test, drv->buf, LEN, DMA_TO_DEVICE);
	driver_writes(drv->buf, 2);
	unmap(test, addr, LEN, DMA_TO_DEVICE);
}

/* The line that it reads may hold what was there before the device wrote. */
static void does_not_sync_for_the_cpu(struct kunit *test)
{
	struct driver *drv = test->priv;
	dma_addr_t addr;

	expect("read of memory that a device may write | direct map | driver_reads* | dma_unmap*");
	addr = map(test, drv->buf, LEN, DMA_FROM_DEVICE);
	driver_reads(drv->buf);
	unmap(test, addr, LEN, DMA_FROM_DEVICE);
}

/* The device's data or the driver's are lost. */
static void writes_what_the_device_owns(struct kunit *test)
{
	struct driver *drv = test->priv;
	dma_addr_t addr;

	expect("write to memory that a device owns | direct map | driver_writes* | dma_unmap*");
	addr = map(test, drv->buf, LEN, DMA_BIDIRECTIONAL);
	driver_writes(drv->buf, 1);
	sync_for_device(test, addr, LEN, DMA_BIDIRECTIONAL);
	unmap(test, addr, LEN, DMA_BIDIRECTIONAL);
}

/* A counter beside a buffer that is shorter than a line. */
static void shares_a_line_with_the_device(struct kunit *test)
{
	struct driver *drv = test->priv;
	dma_addr_t addr;

	expect("write to a cache line shared with a device's buffer | direct map | driver_* | al*");
	addr = map(test, drv->buf, 8, DMA_FROM_DEVICE);
	driver_writes(drv->buf + 2, 1);
	/* What it wrote is lost or not, which the model may also see. */
	unmap(test, addr, 8, DMA_FROM_DEVICE);
}

static void syncs_what_is_not_mapped(struct kunit *test)
{
	struct driver *drv = test->priv;
	dma_addr_t addr;

	expect("sync of memory that is not mapped | | syncs_what_is_not* | dma_map*");
	addr = map(test, drv->buf, LEN, DMA_TO_DEVICE);
	unmap(test, addr, LEN, DMA_TO_DEVICE);
	sync_for_device(test, addr, LEN, DMA_TO_DEVICE);
}

static void unmaps_twice(struct kunit *test)
{
	struct driver *drv = test->priv;
	dma_addr_t addr;

	expect("unmap of memory that is not mapped | | unmaps_t* | dma_map*");
	addr = map(test, drv->buf, LEN, DMA_TO_DEVICE);
	unmap(test, addr, LEN, DMA_TO_DEVICE);
	unmap(test, addr, LEN, DMA_TO_DEVICE);
}

static void unmaps_in_another_direction(struct kunit *test)
{
	struct driver *drv = test->priv;
	dma_addr_t addr;

	expect("unmap in another direction than mapped | | unmaps_in_another* | the direction*");
	addr = map(test, drv->buf, LEN, DMA_FROM_DEVICE);
	unmap(test, addr, LEN, DMA_TO_DEVICE);
}

static void syncs_more_than_is_mapped(struct kunit *test)
{
	struct driver *drv = test->priv;
	dma_addr_t addr;

	expect("sync beyond what is mapped | | syncs_more_than* | the address*");
	addr = map(test, drv->buf, LEN / 2, DMA_TO_DEVICE);
	sync_for_device(test, addr, LEN, DMA_TO_DEVICE);
	unmap(test, addr, LEN / 2, DMA_TO_DEVICE);
}

static void unmaps_less_than_is_mapped(struct kunit *test)
{
	struct driver *drv = test->priv;
	dma_addr_t addr;

	expect("unmap of another area than mapped | | unmaps_less_than* | the address*");
	addr = map(test, drv->buf, LEN, DMA_TO_DEVICE);
	unmap(test, addr, LEN / 2, DMA_TO_DEVICE);
}

static int init(struct kunit *test)
{
	struct driver *drv = kunit_kzalloc(test, sizeof(*drv), GFP_KERNEL);
	struct platform_device *pdev;
	char name[96];

	if (!drv)
		return -ENOMEM;

	scnprintf(name, sizeof(name), SUITE ".%s", test->name);
	note(VCSAN_TEST, name);

	pdev = platform_device_register_simple("vcsan_contract", -1, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);

	drv->dev = &pdev->dev;
	drv->buf = kzalloc(LEN, GFP_KERNEL);
	test->priv = drv;
	if (!drv->buf)
		return -ENOMEM;

	/* No dirty line: what a case does is all that is wrong. */
	unmap(test, map(test, drv->buf, LEN, DMA_TO_DEVICE), LEN, DMA_TO_DEVICE);

	return 0;
}

static void teardown(struct kunit *test)
{
	struct driver *drv = test->priv;

	if (drv) {
		kfree(drv->buf);
		platform_device_unregister(to_platform_device(drv->dev));
	}
	note(VCSAN_TEST, "");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(keeps_the_contract),
	KUNIT_CASE(does_not_sync_for_the_device),
	KUNIT_CASE(does_not_sync_for_the_cpu),
	KUNIT_CASE(writes_what_the_device_owns),
	KUNIT_CASE(shares_a_line_with_the_device),
	KUNIT_CASE(syncs_what_is_not_mapped),
	KUNIT_CASE(unmaps_twice),
	KUNIT_CASE(unmaps_in_another_direction),
	KUNIT_CASE(syncs_more_than_is_mapped),
	KUNIT_CASE(unmaps_less_than_is_mapped),
	{}
};

static struct kunit_suite suite = {
	.name = SUITE,
	.init = init,
	.exit = teardown,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("What VCSan reports of the DMA API's contract");
MODULE_LICENSE("GPL");
