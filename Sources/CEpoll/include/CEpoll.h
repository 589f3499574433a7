// Linux's epoll as the sockets need it: each descriptor is told once, then asked for again.
#ifndef ROOST_CEPOLL_H
#define ROOST_CEPOLL_H

#include <stdbool.h>
#include <stdint.h>

struct epoll_ready {
    uint64_t token;
    bool readable;
    bool writable;
};

/// A new instance, closed on exec; negative where there is none.
int epoll_open(void);

/// Asks to be told once, under a token, when a descriptor can be read or written, or its peer is gone.
/// `known`: it was asked for before.
int epoll_ask(int epoll, int descriptor, uint64_t token, bool known, bool reading, bool writing);

/// Forgets a descriptor, which must still be open.
int epoll_forget(int epoll, int descriptor);

/// Waits for some; how many. A descriptor whose peer is gone can be both read and written.
int epoll_await(int epoll, struct epoll_ready *_Nonnull ready, int most);

#endif
