/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_FLUSH_MAPPING_H
#define _LINUX_FLUSH_MAPPING_H

#include <linux/types.h>

struct address_space;

bool flush_cache_mapping(struct address_space *mapping);

#endif
