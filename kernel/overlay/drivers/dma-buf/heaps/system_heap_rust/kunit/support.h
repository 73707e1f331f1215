/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SYSTEM_HEAP_RUST_KUNIT_SUPPORT_H
#define _SYSTEM_HEAP_RUST_KUNIT_SUPPORT_H

#include <linux/types.h>

struct device;
struct dma_buf;
struct dma_fence;
struct file;
struct module;
struct page;

int heap_test_open(void);
void heap_test_close(void);
int heap_test_alloc(unsigned long arg);
int heap_test_close_fd(int fd);
unsigned long heap_test_mmap(struct file *file, unsigned long len,
			     unsigned long offset, bool shared);
int heap_test_munmap(unsigned long addr, unsigned long len);
struct page *heap_test_user_page(unsigned long addr);
int heap_test_read_user(unsigned long addr, u32 *word);
int heap_test_write_user(unsigned long addr, u32 word);
void heap_test_in_worker(void (*run)(void *data), void *data);
void heap_test_flush(void);
unsigned long heap_test_pages_in_use(void);
int heap_test_vmap(struct dma_buf *dmabuf);
int heap_test_map(struct dma_buf_attachment *attach);
struct dma_buf_attachment *heap_test_newest_attachment(struct dma_buf *dmabuf);
struct page *heap_test_page(const void *addr);
u64 heap_test_page_phys(struct page *page);
void *heap_test_direct_map(struct page *page);
void *heap_test_map_page(struct page *page);
void heap_test_unmap_page(struct page *page, void *start);
bool heap_test_is_mapped(unsigned long addr);
unsigned long heap_test_colour_mask(void);
bool heap_test_can_alias(unsigned long len);
void heap_test_skip(const char *why);
void heap_test_kill(bool killed);
void heap_test_fail_nth(unsigned int nth);
unsigned int heap_test_fail_nth_left(void);
int heap_test_arm_faults(bool armed, unsigned long buf);

struct dma_fence *heap_test_fence(struct dma_buf *dmabuf, bool write,
				  void (*end)(void *data), void *data);
void heap_test_fence_end(struct dma_fence *fence);
bool heap_test_fences_signaled(struct dma_buf *dmabuf);
struct module *heap_test_module(void);
int heap_test_sync(struct dma_buf *dmabuf, unsigned long arg);
struct device *heap_test_device(void);
unsigned int heap_test_device_destroy(struct device *dev);
unsigned long heap_test_attachments(struct dma_buf *dmabuf);

#endif
