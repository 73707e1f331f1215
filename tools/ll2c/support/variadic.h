/* SPDX-License-Identifier: GPL-2.0-only */
/* Variable arguments. The IR's list of them is a pointer in memory; C's must fit into its place. */
#define LL_VA_LIST                                                                                     \
	_Static_assert(sizeof(__builtin_va_list) <= LL_PTR_SIZE, "a va_list is larger than a pointer");    \
	__builtin_va_list ll_list
#define LL_VA_START(p, last)                                                                           \
	({                                                                                                 \
		LL_VA_LIST;                                                                                    \
		__builtin_va_start(ll_list, last);                                                             \
		__builtin_memcpy((p), &ll_list, sizeof(ll_list));                                              \
	})
#define LL_VA_ARG(T, p)                                                                                \
	({                                                                                                 \
		LL_VA_LIST;                                                                                    \
		__builtin_memcpy(&ll_list, (p), sizeof(ll_list));                                              \
		T ll_next = __builtin_va_arg(ll_list, T);                                                      \
		__builtin_memcpy((p), &ll_list, sizeof(ll_list));                                              \
		ll_next;                                                                                       \
	})
#define LL_VA_COPY(to, from)                                                                           \
	({                                                                                                 \
		LL_VA_LIST;                                                                                    \
		__builtin_memcpy(&ll_list, (from), sizeof(ll_list));                                           \
		__builtin_memcpy((to), &ll_list, sizeof(ll_list));                                             \
	})
