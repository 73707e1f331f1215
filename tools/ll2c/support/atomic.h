/* SPDX-License-Identifier: GPL-2.0-only */
/* Atomic read-modify-write. */

typedef u8_a1 u8_rmw;
typedef u16_a2 u16_rmw;
typedef u32_a4 u32_rmw;
typedef u64_a8 u64_rmw;

/* Read-modify-write by a loop, for operations that the compiler has no builtin for. */
#define LL_RMW_LOOP(T, p, order, NEW)                                                                  \
	({                                                                                                 \
		T ll_old = __atomic_load_n((T##_rmw *)(p), __ATOMIC_RELAXED);                                        \
		while (!__atomic_compare_exchange_n((T##_rmw *)(p), &ll_old, (T)(NEW), 1, order, __ATOMIC_RELAXED))  \
			;                                                                                          \
		ll_old;                                                                                        \
	})

#ifdef LL_CMPXCHG
/*
 * Where the machine has no such instruction, what the environment provides instead, one function a size: stores `new` if `*p`
 * is `expected`, returns what `*p` was, and is ordered against everything before and after.
 */
extern u8 ll_cmpxchg_8(volatile void *p, u8 expected, u8 new) __asm__(LL_CMPXCHG "8");
extern u16 ll_cmpxchg_16(volatile void *p, u16 expected, u16 new) __asm__(LL_CMPXCHG "16");
extern u32 ll_cmpxchg_32(volatile void *p, u32 expected, u32 new) __asm__(LL_CMPXCHG "32");
#define LL_RMW_LIBRARY(T, n, p, NEW)                                                                   \
	({                                                                                                 \
		T ll_old = *(volatile T##_rmw *)(p), ll_seen;                                                        \
		while ((ll_seen = ll_cmpxchg_##n((p), ll_old, (T)(NEW))) != ll_old)                            \
			ll_old = ll_seen;                                                                          \
		ll_old;                                                                                        \
	})
#endif
