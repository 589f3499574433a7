// libmicrohttpd as the status port needs it: a thread for each connection, and no variadic call, for Swift
// cannot make those.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A running daemon with its threads.
typedef struct roost_http_daemon roost_http_daemon;
/// One request's connection, as libmicrohttpd knows it.
typedef struct MHD_Connection roost_http_connection;
/// An answer being put together.
typedef struct MHD_Response roost_http_response;

/// What the daemon asks: `admit`, `opened`, `closed` on its accepting thread, the others on the connection's,
/// which may be kept waiting.
typedef struct {
    void *context;
    /// Whether one more connection is taken.
    bool (*admit)(void *context);
    /// A connection was taken; returns what stands for it in the calls below.
    void *(*opened)(void *context, int descriptor);
    /// Its descriptor is closed when this returns.
    void (*closed)(void *context, void *socket);
    /// A request line has come; `target` is as the client wrote it.
    void (*target)(void *context, void *socket, const char *target);
    /// The headers are whole.
    bool (*head)(void *context, void *socket, roost_http_connection *connection, const char *method);
    /// A part of the body.
    bool (*body)(void *context, void *socket, const char *bytes, size_t length);
    /// The request is whole: send an answer.
    bool (*whole)(void *context, void *socket, roost_http_connection *connection);
    /// The answer was sent, or the client has gone.
    void (*completed)(void *context, void *socket);
    /// What libmicrohttpd has to complain about.
    void (*complain)(void *context, const char *message);
} roost_http_calls;

typedef struct {
    /// Bound and listening, not blocking; belongs to the daemon once it has started.
    int listener;
    /// Above what `admit` allows, so that refusing is its business.
    unsigned int connection_limit;
    /// Of silence while a request or its answer is on the way.
    unsigned int idle_seconds;
    size_t memory_per_connection;
    /// Texts in PEM that are read while this starts; NULL: plain HTTP.
    const char *certificate;
    const char *key;
} roost_http_options;

/// NULL where libmicrohttpd refuses; the listener is then still the caller's.
roost_http_daemon *roost_http_start(const roost_http_options *options, const roost_http_calls *calls);
/// Closes everything and joins the threads.
void roost_http_stop(roost_http_daemon *daemon);

/// Value of a request header, NULL where it was not sent; valid until the request is completed.
const char *roost_http_header(roost_http_connection *connection, const char *name);

/// Seconds of silence from now on after which the connection is closed; 0: none.
void roost_http_patience(roost_http_connection *connection, unsigned int seconds);

/// Copies the bytes.
roost_http_response *roost_http_response_of(const void *bytes, size_t length);
/// A body of unknown length. `read` answers how many bytes it wrote, at least one, or one of the two below;
/// `release` is called once, when the body is over or the client has gone.
roost_http_response *roost_http_response_from(
    ssize_t (*read)(void *body, uint64_t position, char *buffer, size_t capacity), void *body,
    void (*release)(void *body));
enum { ROOST_HTTP_END = -1, ROOST_HTTP_BROKEN = -2 };
bool roost_http_response_header(roost_http_response *response, const char *name, const char *value);
/// No chunks, the connection is closed at the end: for HEAD, where libmicrohttpd would else end the chunks
/// that it has not begun.
void roost_http_response_without_chunks(roost_http_response *response);
/// Queues the answer and gives it up.
bool roost_http_send(roost_http_connection *connection, unsigned int status, roost_http_response *response);

#ifdef __cplusplus
}
#endif
