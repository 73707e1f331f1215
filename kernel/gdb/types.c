// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types of the kernel's structures and variables, for its gdb scripts: gdb reads
 * this object for them, as the kernel itself has line tables only. It is neither
 * linked nor loaded.
 */
#include <linux/clk-provider.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/ioport.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/klist.h>
#include <linux/maple_tree.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/of_fdt.h>
#include <linux/printk.h>
#include <linux/radix-tree.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/timerqueue.h>
#include <linux/vmalloc.h>

/* What only the kernel's own files see; <> looks beside include/, too. */
#include <../drivers/base/base.h>
#include <../fs/mount.h>
#include <../kernel/module/internal.h>
#include <../kernel/printk/internal.h>
#include <../kernel/printk/printk_ringbuffer.h>

/* Of these, gdb reads the type here and the address in the kernel's symbols. */
unsigned int hrtimer_resolution;
struct task_struct init_task;
struct resource iomem_resource;
struct resource ioport_resource;
const char linux_banner[1];
struct list_head modules;
struct printk_ringbuffer *prb;
char *saved_command_line;
