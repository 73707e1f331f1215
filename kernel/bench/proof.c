// SPDX-License-Identifier: GPL-2.0
/*
 * What the calls that are measured are there for: the CPU and devices write and
 * read a buffer through every alias, and VCSan watches.
 *
 * Buffers are single pages, one of each colour, with a vmap of each colour, so
 * that among them are some all of whose aliases have colours of their own.
 */

#include <linux/bits.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "heap_bench.h"

/* Pages of one colour share cache lines: at most 16 KiB, or all of the address, tell them apart. */
#define COLOURS 4
/* Buffers until there was one of each. */
#define TRIES 160
#define ROUNDS 2

/* The n-th alias of a scene: the vmap, if there is one, and then user mappings. */
static unsigned int aliases(const struct scene *scene)
{
	return scene->cast.vmap + scene->cast.users;
}

static void __user *user_alias(const struct scene *scene, unsigned int at)
{
	return (void __user *)scene->users[at - scene->cast.vmap];
}

static int read_through(const struct scene *scene, unsigned int at)
{
	u32 word;
	int ret = 0;

	for (size_t i = 0; !ret && i < scene->cast.len; i += sizeof(word)) {
		if (scene->cast.vmap && !at)
			word = READ_ONCE(*(u32 *)(scene->vmap.vaddr + i));
		else
			ret = get_user(word, (u32 __user *)(user_alias(scene, at) + i));
	}

	return ret;
}

/* A word of each line, so that the others have to stay as they are. */
static int write_through(const struct scene *scene, unsigned int at)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < scene->cast.len; i += 16) {
		if (scene->cast.vmap && !at)
			WRITE_ONCE(*(u32 *)(scene->vmap.vaddr + i), at);
		else
			ret = put_user(at, (u32 __user *)(user_alias(scene, at) + i));
	}

	return ret;
}

/* The physical page of a scene's buffer; 0 if nobody has it. */
static phys_addr_t page_of(const struct scene *scene)
{
	struct follow_pfnmap_args args = { .address = scene->users[0] };
	phys_addr_t page = 0;

	if (scene->tables[0])
		return sg_phys(scene->tables[0]->sgl);
	if (scene->cast.vmap)
		return page_to_phys(vmalloc_to_page(scene->vmap.vaddr));
	if (!scene->cast.users)
		return 0;

	mmap_read_lock(current->mm);
	args.vma = vma_lookup(current->mm, args.address);
	if (args.vma && !follow_pfnmap_start(&args)) {
		page = PFN_PHYS(args.pfn);
		follow_pfnmap_end(&args);
	}
	mmap_read_unlock(current->mm);

	return page;
}

/* All devices transfer what they may: all is read, a part of each line is written. */
static void transfer(const struct scene *scene, phys_addr_t page, enum dma_data_direction dir)
{
	for (unsigned int i = 0; i < scene->cast.attached; i++) {
		if (writes(dir))
			vcsan_note(VCSAN_DEVICE_READ, "", 0, page, scene->cast.len);
		if (!reads(dir))
			continue;
		for (size_t at = 4; at < scene->cast.len; at += 256)
			vcsan_note(VCSAN_DEVICE_WRITE, "", 0, page + at, 8);
	}
}

/* An access in @dir, of one alias. */
static int access(const struct scene *scene, enum dma_data_direction dir, unsigned int at)
{
	int ret, ended;

	ret = dma_buf_begin_cpu_access(scene->buf, dir);
	if (ret)
		return ret;
	if (reads(dir))
		ret = read_through(scene, at);
	if (!ret && writes(dir))
		ret = write_through(scene, at);
	ended = dma_buf_end_cpu_access(scene->buf, dir);

	return ret ?: ended;
}

/* The buffer goes to a device that reads all of it, and comes back. */
static int hand_over(struct scene *scene, phys_addr_t page)
{
	struct cast cast = scene->cast;
	int ret;

	scene->cast.dir = DMA_TO_DEVICE;
	scene->cast.attached = 1;
	ret = scene_attach(scene, 0);
	if (!ret) {
		transfer(scene, page, DMA_TO_DEVICE);
		scene_detach(scene, 0);
	}
	scene->cast = cast;

	return ret;
}

/*
 * Every alias in turn, in an access of its own, with transfers between. What is
 * mapped for no device yet is so later: that is what it is for.
 */
static int accesses(struct scene *scene, phys_addr_t page)
{
	enum dma_data_direction dir = scene->cast.access;
	unsigned int count = aliases(scene);
	/* Devices read all that is written, and write what is read. */
	bool by_devices = scene->cast.attached && dir == scene->cast.dir;
	int ret = 0;

	transfer(scene, page, scene->cast.dir);
	for (unsigned int at = 0; !ret && at < count; at++) {
		/* Else somebody else writes what is read, and reads what is written. */
		if (!by_devices && !writes(dir))
			ret = access(scene, DMA_TO_DEVICE, (at + 1) % count);
		if (!ret)
			ret = access(scene, dir, at);
		if (!ret && !by_devices && !reads(dir))
			ret = access(scene, DMA_FROM_DEVICE, (at + 1) % count);
		transfer(scene, page, scene->cast.dir);
		if (!ret && !scene->cast.attached)
			ret = hand_over(scene, page);
	}

	return ret;
}

/* The buffer goes to a device and comes back, between accesses. */
static int maps(struct scene *scene, phys_addr_t page)
{
	unsigned int count = aliases(scene);
	int ret = 0;

	transfer(scene, page, scene->cast.dir);
	scene_unmap(scene, 0);
	for (unsigned int at = 0; !ret && at < count; at++)
		ret = access(scene, DMA_BIDIRECTIONAL, at);
	if (!ret)
		ret = scene_map(scene, 0);
	if (!ret)
		transfer(scene, page, scene->cast.dir);

	return ret;
}

/* Who gets a buffer that nobody has written to must see zeros, beside what was added since. */
static int zeros(struct scene *scene, phys_addr_t page)
{
	int ret = 0;

	transfer(scene, page, scene->cast.dir);
	for (unsigned int at = 0; !ret && at < aliases(scene); at++)
		ret = access(scene, DMA_FROM_DEVICE, at);
	for (unsigned int at = 0; !ret && at < aliases(scene); at++)
		ret = access(scene, DMA_BIDIRECTIONAL, at);

	return ret;
}

/* Runs @prove on a buffer, all of whose page is watched. */
static int watched(struct scene *scene, phys_addr_t page, int rounds,
		   int (*prove)(struct scene *scene, phys_addr_t page))
{
	int ret = 0;

	vcsan_note(VCSAN_WATCH, "buffer", 6, page, PAGE_SIZE);
	for (int round = 0; !ret && round < rounds; round++)
		ret = prove(scene, page);
	vcsan_note(VCSAN_UNWATCH, "", 0, page, PAGE_SIZE);

	return ret;
}

/* A number below COLOURS * COLOURS for the colours of a scene's page and of its vmap. */
static unsigned int colours_of(const struct scene *scene, phys_addr_t page)
{
	unsigned int vmap = 0;

	if (scene->cast.vmap)
		vmap = ((unsigned long)scene->vmap.vaddr >> PAGE_SHIFT) % COLOURS;

	return PHYS_PFN(page) % COLOURS + vmap * COLOURS;
}

/* What keeps the next buffer from having the colours of the last one. */
struct spacer {
	struct page *page;
	void *area;
};

/* Runs @prove on buffers whose pages, and vmaps, have each colour. */
static int with_buffers(const struct heap *heap, const struct cast *cast, int rounds,
			int (*prove)(struct scene *scene, phys_addr_t page))
{
	u32 wanted = cast->vmap ? GENMASK(COLOURS * COLOURS - 1, 0) : GENMASK(COLOURS - 1, 0);
	struct cast one = *cast;
	struct spacer *spacers;
	struct scene *scenes;
	int made = 0, ret = 0;
	u32 seen = 0;

	scenes = kcalloc(TRIES, sizeof(*scenes), GFP_KERNEL);
	spacers = kcalloc(TRIES, sizeof(*spacers), GFP_KERNEL);
	if (!scenes || !spacers)
		ret = -ENOMEM;
	one.len = PAGE_SIZE;
	while (!ret && made < TRIES && seen != wanted) {
		phys_addr_t page;
		u32 colours;

		ret = scene_make(&scenes[made], heap, &one);
		if (ret)
			break;
		page = page_of(&scenes[made]);
		colours = BIT(colours_of(&scenes[made], page));
		/* Those of a colour that was there stay, so that another one comes. */
		if (page && !(seen & colours))
			ret = watched(&scenes[made], page, rounds, prove);
		else
			/* Else each buffer may take the same number of pages, and none is odd. */
			spacers[made].page = alloc_page(GFP_KERNEL);
		/* Two pages and a gap, after one page and a gap: an odd number. */
		if (cast->vmap)
			spacers[made].area = vmalloc(2 * PAGE_SIZE);
		seen |= colours;
		made++;
		if (!page)
			break;
	}
	if (!ret && made == TRIES)
		pr_info("of the colours %#x only %#x came\n", wanted, seen);
	while (made--) {
		scene_end(&scenes[made]);
		if (spacers[made].page)
			__free_page(spacers[made].page);
		vfree(spacers[made].area);
	}
	kfree(spacers);
	kfree(scenes);

	return ret;
}

int proof_of_zeros(const struct heap *heap)
{
	/* A vmap would flush all of the cache when it is made. */
	static const struct cast casts[] = {
		{ .dir = DMA_BIDIRECTIONAL, .users = 1 },
		{ .dir = DMA_BIDIRECTIONAL, .vmap = true },
		{ .dir = DMA_FROM_DEVICE, .users = 1, .attached = 1 },
	};
	int ret = 0;

	for (int i = 0; !ret && i < ARRAY_SIZE(casts); i++)
		ret = with_buffers(heap, &casts[i], 1, zeros);

	return ret;
}

int proof_of_map(const struct heap *heap, const struct cast *cast)
{
	return with_buffers(heap, cast, ROUNDS, maps);
}

int proof_of_access(const struct heap *heap, const struct cast *cast)
{
	return with_buffers(heap, cast, ROUNDS, accesses);
}
