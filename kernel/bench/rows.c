// SPDX-License-Identifier: GPL-2.0
/*
 * The rows: each call a few times, after a first one that is not counted.
 */

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "heap_bench.h"

/* Times that each row is counted: a timer may tick in one of them. */
#define ROUNDS 5

/* Of buffers that are accessed. */
#define LEN (16 * PAGE_SIZE)

static const enum dma_data_direction directions[] = {
	DMA_FROM_DEVICE, DMA_TO_DEVICE, DMA_BIDIRECTIONAL,
};

static const unsigned int numbers[] = { 0, 1, MOST };

/* "HEAP: ROW | PROOF", the latter named like the test that shows whether it is right there. */
static noinline void start(const struct heap *heap, int round, const char *row, const char *proof)
{
	char name[160];
	int len = scnprintf(name, sizeof(name), "%s: %s | %s", heap->name, row, proof);

	/* The first round is for whatever is only done once, and is counted under no name. */
	if (!round)
		len = 0;
	vcsan_note(VCSAN_MEASURE, name, len, 0, 0);
}

static noinline void stop(void)
{
	vcsan_note(VCSAN_MEASURED, "", 0, 0, 0);
}

/* What it costs to measure, which is to be taken off all others. */
static int measure_nothing(const struct heap *heap)
{
	for (int round = 0; round <= ROUNDS; round++) {
		start(heap, round, "nothing", "");
		stop();
	}

	return 0;
}

static int measure_allocation(const struct heap *heap, size_t len)
{
	char allocate[32], free[32];

	snprintf(allocate, sizeof(allocate), "allocate %zu KiB", len / SZ_1K);
	snprintf(free, sizeof(free), "free %zu KiB", len / SZ_1K);
	for (int round = 0; round <= ROUNDS; round++) {
		struct dma_buf *buf;

		start(heap, round, allocate, "zeros");
		buf = heap_allocate(heap, len);
		stop();
		if (IS_ERR(buf))
			return PTR_ERR(buf);
		start(heap, round, free, "");
		heap_free(buf);
		stop();
	}

	return 0;
}

static int measure_vmap(struct scene *scene)
{
	for (int round = 0; round <= ROUNDS; round++) {
		int ret;

		start(scene->heap, round, "vmap", "");
		ret = dma_buf_vmap_unlocked(scene->buf, &scene->vmap);
		stop();
		if (ret)
			return ret;
		start(scene->heap, round, "vunmap", "");
		dma_buf_vunmap_unlocked(scene->buf, &scene->vmap);
		stop();
		iosys_map_clear(&scene->vmap);
	}

	return 0;
}

static int measure_mmap(struct scene *scene)
{
	size_t len = scene->cast.len;

	for (int round = 0; round <= ROUNDS; round++) {
		unsigned long user;
		int ret = 0;
		u32 word;

		start(scene->heap, round, "mmap and fault", "");
		user = vm_mmap(scene->buf->file, 0, len, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
		for (size_t at = 0; !IS_ERR_VALUE(user) && at < len; at += PAGE_SIZE)
			ret |= get_user(word, (u32 __user *)(user + at));
		stop();
		if (IS_ERR_VALUE(user))
			return user;
		start(scene->heap, round, "munmap", "");
		vm_munmap(user, len);
		stop();
		if (ret)
			return ret;
	}

	return 0;
}

/* Of a scene whose first attachment is the only one that is mapped. */
static int measure_map(struct scene *scene, const struct cast *cast, const char *proof)
{
	char map[96], unmap[96];

	snprintf(map, sizeof(map), "map %s", scene_name(cast));
	snprintf(unmap, sizeof(unmap), "unmap %s", scene_name(cast));
	for (int round = 0; round <= ROUNDS; round++) {
		int ret;

		start(scene->heap, round, unmap, proof);
		scene_unmap(scene, 0);
		stop();
		start(scene->heap, round, map, proof);
		ret = scene_map(scene, 0);
		stop();
		if (ret)
			return ret;
	}

	return 0;
}

static int measure_access(struct scene *scene, const struct cast *cast, const char *proof)
{
	char begin[96], end[96];

	snprintf(begin, sizeof(begin), "begin %s", scene_name(cast));
	snprintf(end, sizeof(end), "end %s", scene_name(cast));
	for (int round = 0; round <= ROUNDS; round++) {
		int ret;

		start(scene->heap, round, begin, proof);
		ret = dma_buf_begin_cpu_access(scene->buf, cast->access);
		stop();
		if (ret)
			return ret;
		start(scene->heap, round, end, proof);
		ret = dma_buf_end_cpu_access(scene->buf, cast->access);
		stop();
		if (ret)
			return ret;
	}

	return 0;
}

/* Runs @measure in a scene. */
static int in_scene(const struct heap *heap, const struct cast *cast,
		    int (*measure)(struct scene *scene))
{
	struct scene scene;
	int ret;

	ret = scene_make(&scene, heap, cast);
	if (ret)
		return ret;
	ret = measure(&scene);
	scene_end(&scene);

	return ret;
}

/* Runs @measure in a scene, and then @proof, on pages of its own. */
static int in_proven_scene(const struct heap *heap, const struct cast *cast, const char *what,
			   int (*measure)(struct scene *scene, const struct cast *cast,
					  const char *proof),
			   int (*proof)(const struct heap *heap, const struct cast *cast))
{
	struct scene scene;
	char name[112], test[144];
	int ret;

	snprintf(name, sizeof(name), "%s %s", what, scene_name(cast));
	ret = scene_make(&scene, heap, cast);
	if (ret)
		return ret;
	ret = measure(&scene, cast, name);
	scene_end(&scene);
	if (ret)
		return ret;

	snprintf(test, sizeof(test), "%s: %s", heap->name, name);
	vcsan_note(VCSAN_TEST, test, strlen(test), 0, 0);
	ret = proof(heap, cast);
	vcsan_note(VCSAN_TEST, "", 0, 0, 0);

	return ret;
}

static int measure_scenes(const struct heap *heap, struct cast *cast)
{
	int ret;

	cast->attached = 1;
	for (int users = 0; users < ARRAY_SIZE(numbers); users++) {
		cast->users = numbers[users];
		ret = in_proven_scene(heap, cast, "map", measure_map, proof_of_map);
		if (ret)
			return ret;
	}

	for (int attached = 0; attached < ARRAY_SIZE(numbers); attached++) {
		for (int users = 0; users < ARRAY_SIZE(numbers); users++) {
			cast->attached = numbers[attached];
			cast->users = numbers[users];
			ret = in_proven_scene(heap, cast, "access", measure_access,
					      proof_of_access);
			if (ret)
				return ret;
		}
	}

	return 0;
}

/* Accesses that do other things than the device. */
static int measure_differing(const struct heap *heap, struct cast *cast)
{
	cast->attached = 1;
	cast->users = 0;
	for (int access = 0; access < ARRAY_SIZE(directions); access++) {
		int ret;

		cast->access = directions[access];
		if (cast->access == cast->dir)
			continue;
		ret = in_proven_scene(heap, cast, "access", measure_access, proof_of_access);
		if (ret)
			return ret;
	}

	return 0;
}

int rows_run(const struct heap *heap)
{
	static const size_t lengths[] = { SZ_4K, SZ_64K, SZ_1M };
	struct cast cast = {
		.len = LEN, .dir = DMA_BIDIRECTIONAL, .access = DMA_BIDIRECTIONAL,
	};
	char test[64];
	int ret;

	ret = measure_nothing(heap);
	for (int i = 0; !ret && i < ARRAY_SIZE(lengths); i++)
		ret = measure_allocation(heap, lengths[i]);
	if (ret)
		return ret;

	snprintf(test, sizeof(test), "%s: zeros", heap->name);
	vcsan_note(VCSAN_TEST, test, strlen(test), 0, 0);
	ret = proof_of_zeros(heap);
	vcsan_note(VCSAN_TEST, "", 0, 0, 0);

	if (!ret)
		ret = in_scene(heap, &cast, measure_vmap);
	if (!ret)
		ret = in_scene(heap, &cast, measure_mmap);
	for (int dir = 0; dir < ARRAY_SIZE(directions); dir++) {
		for (int vmap = 0; !ret && vmap <= 1; vmap++) {
			cast.dir = directions[dir];
			cast.access = directions[dir];
			cast.vmap = vmap;
			ret = measure_scenes(heap, &cast);
			if (!ret)
				ret = measure_differing(heap, &cast);
		}
	}

	return ret;
}
