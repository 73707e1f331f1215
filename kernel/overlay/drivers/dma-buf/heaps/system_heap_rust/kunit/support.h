/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SYSTEM_HEAP_RUST_KUNIT_SUPPORT_H
#define _SYSTEM_HEAP_RUST_KUNIT_SUPPORT_H

#include <linux/types.h>

struct dma_buf;
struct file;

const char *heap_test_name(void);
int heap_test_open(void);
void heap_test_close(void);
int heap_test_alloc(unsigned long arg);
int heap_test_close_fd(int fd);
unsigned long heap_test_mmap(struct file *file, unsigned long len,
			     unsigned long offset, bool shared);
int heap_test_munmap(unsigned long addr, unsigned long len);
void *heap_test_user_page(unsigned long addr);
int heap_test_read_user(unsigned long addr, u32 *word);
int heap_test_write_user(unsigned long addr, u32 word);
void heap_test_flush(void);
unsigned long heap_test_pages_in_use(void);
int heap_test_vmap(struct dma_buf *dmabuf);
bool heap_test_is_mapped(unsigned long addr);
unsigned long heap_test_colour_mask(void);
void heap_test_skip(const char *why);
void heap_test_kill(bool killed);
void heap_test_fail_nth(unsigned int nth);
unsigned int heap_test_fail_nth_left(void);
int heap_test_arm_faults(bool armed, unsigned long buf);

#endif
