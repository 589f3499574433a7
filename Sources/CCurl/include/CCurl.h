// libcurl as a webhook needs it: one handle that posts, one request after the other, and no variadic call, for
// Swift cannot make those.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A client that keeps its connection between requests. Used by one thread at a time, but for the stop.
typedef struct webhook_client webhook_client;

/// One POST. Texts end with a zero byte.
typedef struct {
    const char *url;
    const char *body;
    size_t body_length;
    /// `Name: value` each.
    const char *const *headers;
    size_t headers_count;
    /// For the whole request, milliseconds.
    long timeout;
    /// File with the certificates that are trusted; NULL: the system's.
    const char *authorities;
} webhook_request;

/// What came of it.
typedef struct {
    /// HTTP status; 0 where none came.
    long status;
    /// Seconds the receiver asks to wait; 0 where it does not.
    int64_t retry_after;
    /// libcurl's reason where no status came; empty otherwise.
    char reason[256];
} webhook_answer;

/// NULL where there is no memory.
webhook_client *webhook_client_make(void);
void webhook_client_free(webhook_client *client);

/// Blocks until the answer has come, the time is up, or the client is stopped.
void webhook_client_post(webhook_client *client, const webhook_request *request, webhook_answer *answer);

/// Ends a request under way, and those to come; from any thread.
void webhook_client_stop(webhook_client *client);

#ifdef __cplusplus
}
#endif
