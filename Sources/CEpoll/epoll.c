#include "CEpoll.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>

enum { most_at_once = 64 };

int epoll_open(void) { return epoll_create1(EPOLL_CLOEXEC); }

int epoll_ask(int epoll, int descriptor, uint64_t token, bool known, bool reading, bool writing) {
    struct epoll_event event = {.events = EPOLLONESHOT, .data = {.u64 = token}};
    if (reading) event.events |= EPOLLIN;
    if (writing) event.events |= EPOLLOUT;
    return epoll_ctl(epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event);
}

int epoll_forget(int epoll, int descriptor) { return epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, NULL); }

int epoll_await(int epoll, struct epoll_ready *ready, int most) {
    struct epoll_event events[most_at_once];
    int count;
    do count = epoll_wait(epoll, events, most < most_at_once ? most : most_at_once, -1);
    while (count < 0 && errno == EINTR);
    for (int index = 0; index < count; index++) {
        uint32_t told = events[index].events;
        bool gone = (told & (EPOLLHUP | EPOLLERR)) != 0;
        ready[index] = (struct epoll_ready){
            .token = events[index].data.u64, .readable = gone || (told & EPOLLIN), .writable = gone || (told & EPOLLOUT)};
    }
    return count;
}
