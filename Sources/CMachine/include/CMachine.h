// What the machine offers and Swift has no word for: prefetching, memory in huge pages, and bounds of
// the allocator.
#ifndef ROOST_CMACHINE_H
#define ROOST_CMACHINE_H

#include <stddef.h>

/// Asks for a cache line that is soon to be read and written. Any address is allowed.
static inline void machine_prefetch(const void *_Nullable address) { __builtin_prefetch(address, 1, 3); }

/// Address space of `bytes`, zeroed, aligned to 2 MiB, which the kernel may back by huge pages; NULL where
/// there is none. It is never given back.
void *_Nullable machine_region(size_t bytes);

/// Has the allocator keep at most so many arenas, from now on.
void machine_bound_arenas(int count);

#endif
